#pragma once
// What a handler's parameters and results mean. One declaration gives route, decoding, validation,
// access check, OpenAPI entry, metrics label and audit name.
#include <charconv>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "platform/errors.hpp"
#include "platform/http/message.hpp"
#include "platform/json/schema.hpp"

namespace pulse::http {

/// Who may call. An endpoint that states nothing is refused at start-up.
enum class Access { undeclared, open, device, internal, signed_in, customer, operators };

/// What the OpenAPI document says of one operation; filled by the parameters' types.
struct OperationDoc {
  boost::json::array parameters;
  boost::json::value request_body = nullptr;
  bool any_body_type = false;  ///< the handler doesn't look at the body's Content-Type
  boost::json::value response_schema = nullptr;
  std::string response_type = "application/json";
  int success = 200;
  json::Components* components = nullptr;
};

/// The stated facts of one endpoint.
struct EndpointSpec {
  std::string method;
  std::string pattern;                       ///< "/api/v1/customer/sites/{site_id}"
  std::vector<std::string> parameter_names;  ///< of the pattern, in order
  Access access = Access::undeclared;
  std::string permission;  ///< e.g. "sites.write"; empty: the caller's kind is enough
  std::string summary, description, tag;
  std::vector<std::pair<int, std::string>> failures;
  int success = 0;  ///< 0: from the return type
  std::size_t max_body_bytes = 1024 * 1024;
  bool hidden = false;  ///< not in the OpenAPI document
  boost::json::value example = nullptr;
  std::function<void(OperationDoc&)> describe;
  std::function<Task<Response>(Request&)> handle;
};

/// The fluent half of a declaration: `api.post(...).needs("sites.write").summary("Create a site")`.
class Endpoint {
 public:
  explicit Endpoint(EndpointSpec& spec) : spec_(&spec) {}
  /// A tenant's caller with this permission.
  Endpoint& needs(std::string permission) {
    spec_->access = Access::customer;
    spec_->permission = std::move(permission);
    return *this;
  }
  /// Any tenant's caller.
  Endpoint& customers() { return access(Access::customer); }
  /// Platform staff; `permission` e.g. "operator-admin" role where one is needed.
  Endpoint& operators(std::string permission = {}) {
    spec_->permission = std::move(permission);
    return access(Access::operators);
  }
  Endpoint& signed_in() { return access(Access::signed_in); }
  /// Anyone; the reason stands in the code that declares it.
  Endpoint& open(std::string_view /*reason*/) { return access(Access::open); }
  /// A device by its own token, checked in the handler.
  Endpoint& devices() { return access(Access::device); }
  /// Inside networks with X-Internal-Auth.
  Endpoint& internal() { return access(Access::internal); }
  Endpoint& summary(std::string s) {
    spec_->summary = std::move(s);
    return *this;
  }
  Endpoint& description(std::string s) {
    spec_->description = std::move(s);
    return *this;
  }
  Endpoint& tag(std::string s) {
    spec_->tag = std::move(s);
    return *this;
  }
  Endpoint& fails(int status, std::string detail) {
    spec_->failures.emplace_back(status, std::move(detail));
    return *this;
  }
  Endpoint& success(int status) {
    spec_->success = status;
    return *this;
  }
  Endpoint& max_body(std::size_t bytes) {
    spec_->max_body_bytes = bytes;
    return *this;
  }
  Endpoint& hidden() {
    spec_->hidden = true;
    return *this;
  }
  /// An example of the request body, shown in the document.
  Endpoint& example(boost::json::value v) {
    spec_->example = std::move(v);
    return *this;
  }
  /// States the answer's type where the handler returns a bare Response.
  template <class T>
  Endpoint& returns() {
    auto inner = spec_->describe;
    spec_->describe = [inner](OperationDoc& doc) {
      if (inner) inner(doc);
      doc.response_schema = json::schema<T>(*doc.components);
    };
    return *this;
  }
  /// States the body's type where the handler reads the raw request. `also`: media types beside
  /// JSON that say the same.
  template <class T>
  Endpoint& body(std::vector<std::string> also = {}) {
    auto inner = spec_->describe;
    spec_->describe = [inner, also](OperationDoc& doc) {
      if (inner) inner(doc);
      boost::json::object content{
          {"application/json", {{"schema", json::schema<T>(*doc.components)}}}};
      for (const auto& type : also)
        content[type] = boost::json::object{{"schema", json::schema<T>(*doc.components)}};
      doc.request_body = boost::json::object{{"required", true}, {"content", std::move(content)}};
      doc.any_body_type = true;
    };
    return *this;
  }
  /// States a header that the handler reads.
  Endpoint& header(std::string name, std::string words, bool required = false) {
    auto inner = spec_->describe;
    spec_->describe = [inner, name, words, required](OperationDoc& doc) {
      if (inner) inner(doc);
      doc.parameters.push_back(boost::json::object{{"name", name},
                                                   {"in", "header"},
                                                   {"required", required},
                                                   {"description", words},
                                                   {"schema", {{"type", "string"}}}});
    };
    return *this;
  }
  Endpoint& produces(std::string media_type) {
    auto inner = spec_->describe;
    spec_->describe = [inner, media_type](OperationDoc& doc) {
      if (inner) inner(doc);
      doc.response_type = media_type;
    };
    return *this;
  }

 private:
  Endpoint& access(Access a) {
    spec_->access = a;
    return *this;
  }
  EndpointSpec* spec_;
};

// ---- parameters ----

template <std::size_t N>
struct Name {
  char text[N]{};
  constexpr Name(const char (&s)[N]) { std::copy_n(s, N, text); }
  constexpr std::string_view view() const { return {text, N - 1}; }
};

/// A path parameter: `Path<"device_id"> device`.
template <Name name, class T = std::string>
struct Path {
  T value{};
  operator const T&() const { return value; }
};
/// Query parameters as a described struct; repeated names fill vectors.
template <class T>
struct Query {
  T value{};
  const T* operator->() const { return &value; }
};
/// The JSON body as a described struct.
template <class T>
struct Body {
  T value{};
  const T* operator->() const { return &value; }
  T* operator->() { return &value; }
};
/// The request itself, for what no type says (headers, address, raw body).
struct Raw {
  Request* request = nullptr;
  Request* operator->() const { return request; }
};

/// How a parameter type is taken from a request, and how it is described. Rooms add their own
/// (tenancy: TenantCaller). `from` appends faults; it may throw HttpError.
template <class T>
struct Extract;

template <>
struct Extract<Raw> {
  static Raw from(Request& r, Faults&) { return {&r}; }
  static void describe(OperationDoc&) {}
};

/// Text of a parameter to a value; a fault otherwise.
void read_text(std::string_view text, std::string& out, json::Loc& loc, Faults& faults);
void read_text(std::string_view text, bool& out, json::Loc& loc, Faults& faults);
void read_text(std::string_view text, double& out, json::Loc& loc, Faults& faults);
void read_text(std::string_view text, Time& out, json::Loc& loc, Faults& faults);
template <class I>
requires(std::is_integral_v<I> && !std::is_same_v<I, bool>) void read_text(std::string_view text,
                                                                           I& out, json::Loc& loc,
                                                                           Faults& faults) {
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (ec != std::errc{} || end != text.data() + text.size() || text.empty())
    json::fault(faults, loc, "must be an integer in range", "int_type");
}

template <Name name, class T>
struct Extract<Path<name, T>> {
  static Path<name, T> from(Request& r, Faults& faults) {
    Path<name, T> out;
    json::Loc loc{"path", std::string(name.view())};
    read_text(r.param(name.view()), out.value, loc, faults);
    return out;
  }
  static void describe(OperationDoc& doc) {
    doc.parameters.push_back(boost::json::object{{"name", std::string(name.view())},
                                                 {"in", "path"},
                                                 {"required", true},
                                                 {"schema", json::schema<T>(*doc.components)}});
  }
};

template <class T>
struct Extract<Query<T>> {
  template <class M>
  static void member(Request& r, std::string_view name, M& out, json::Loc& loc, Faults& faults) {
    if constexpr (requires { out.emplace_back(); }) {
      for (const auto& [key, value] : r.query)
        if (key == name) read_text(value, out.emplace_back(), loc, faults);
    } else {
      for (const auto& [key, value] : r.query) {
        if (key != name) continue;
        if constexpr (json::is_optional_member<M>) {
          if (!value.empty()) read_text(value, out.emplace(), loc, faults);
        } else {
          read_text(value, out, loc, faults);
        }
        return;
      }
    }
  }
  static Query<T> from(Request& r, Faults& faults) {
    Query<T> out;
    json::Loc loc{"query"};
    const auto before = faults.size();
    boost::mp11::mp_for_each<json::described_members<T>>([&](auto d) {
      loc.emplace_back(d.name);
      member(r, d.name, out.value.*d.pointer, loc, faults);
      loc.pop_back();
    });
    if (faults.size() == before)
      for (const auto& rule : json::rules_of<T>().list())
        if (rule.check) rule.check(out.value, loc, faults);
    return out;
  }
  static void describe(OperationDoc& doc) {
    boost::mp11::mp_for_each<json::described_members<T>>([&](auto d) {
      using M = std::remove_cvref_t<decltype(std::declval<T&>().*d.pointer)>;
      boost::json::value s = [&] {
        if constexpr (requires { typename M::value_type; } && json::is_optional_member<M>)
          return json::schema<typename M::value_type>(*doc.components);
        else
          return json::schema<M>(*doc.components);
      }();
      for (const auto& rule : json::rules_of<T>().list())
        if (rule.member == d.name) json::merge_keywords(s, rule.schema);
      // Of a list that needs items one must be there; all else may be left out.
      const auto* least = s.as_object().if_contains("minItems");
      const bool required = least && least->to_number<std::int64_t>() > 0;
      doc.parameters.push_back(boost::json::object{
          {"name", d.name}, {"in", "query"}, {"required", required}, {"schema", std::move(s)}});
    });
  }
};

/// Throws 415 unless the request's body is JSON by its Content-Type (none counts as JSON).
void require_json(const Request& r);

template <class T>
struct Extract<Body<T>> {
  static Body<T> from(Request& r, Faults& faults) {
    require_json(r);
    Body<T> out;
    json::Loc loc{"body"};
    try {
      json::read(json::parse_text(r.body), out.value, loc, faults);
    } catch (const ValidationError& e) {
      faults.insert(faults.end(), e.faults.begin(), e.faults.end());
    }
    return out;
  }
  static void describe(OperationDoc& doc) {
    doc.request_body = boost::json::object{
        {"required", true},
        {"content", {{"application/json", {{"schema", json::schema<T>(*doc.components)}}}}}};
  }
};

// ---- results ----

/// 201 with a JSON body.
template <class T>
struct Created {
  T value;
};
/// 202 with a JSON body.
template <class T>
struct Accepted {
  T value;
};
/// 200 with a JSON body and extra headers.
template <class T>
struct WithHeaders {
  T value;
  std::vector<std::pair<std::string, std::string>> headers;
};
struct NoContent {};

template <class R>
struct Reply {  // a described struct, vector, map, json::value: 200
  static Response make(R&& v) { return Response::json(200, json::to_text(v)); }
  static void describe(OperationDoc& doc) {
    doc.response_schema = json::schema<R>(*doc.components);
  }
};
template <>
struct Reply<Response> {
  static Response make(Response&& v) { return std::move(v); }
  static void describe(OperationDoc&) {}
};
template <>
struct Reply<NoContent> {
  static Response make(NoContent&&) { return Response{204, {}, {}, {}, {}, {}}; }
  static void describe(OperationDoc& doc) { doc.success = 204; }
};
template <class T>
struct Reply<Created<T>> {
  static Response make(Created<T>&& v) { return Response::json(201, json::to_text(v.value)); }
  static void describe(OperationDoc& doc) {
    doc.success = 201;
    doc.response_schema = json::schema<T>(*doc.components);
  }
};
template <class T>
struct Reply<Accepted<T>> {
  static Response make(Accepted<T>&& v) { return Response::json(202, json::to_text(v.value)); }
  static void describe(OperationDoc& doc) {
    doc.success = 202;
    doc.response_schema = json::schema<T>(*doc.components);
  }
};
template <class T>
struct Reply<WithHeaders<T>> {
  static Response make(WithHeaders<T>&& v) {
    Response r = Response::json(200, json::to_text(v.value));
    for (auto& [name, value] : v.headers) r.headers.add(name, value);
    return r;
  }
  static void describe(OperationDoc& doc) {
    doc.response_schema = json::schema<T>(*doc.components);
  }
};

// ---- from a function to a spec ----

namespace detail {
template <class F>
struct Signature : Signature<decltype(&F::operator())> {};
template <class R, class... A>
struct Signature<Task<R> (*)(A...)> {
  using Result = R;
  using Arguments = std::tuple<A...>;
};
template <class C, class R, class... A>
struct Signature<Task<R> (C::*)(A...) const> {
  using Result = R;
  using Arguments = std::tuple<A...>;
};

template <class F, class R, class... A>
void fill(EndpointSpec& spec, F f, std::tuple<A...>*) {
  spec.describe = [](OperationDoc& doc) {
    (Extract<A>::describe(doc), ...);
    Reply<R>::describe(doc);
  };
  spec.handle = [f = std::move(f)](Request& request) -> Task<Response> {
    Faults faults;
    // Braced initialisation evaluates in order, so faults come in the order of the parameters.
    std::tuple<A...> arguments{Extract<A>::from(request, faults)...};
    if (!faults.empty()) throw ValidationError(std::move(faults));
    co_return Reply<R>::make(co_await std::apply(f, std::move(arguments)));
  };
}
}  // namespace detail

/// A handler function with its first parameter (the room's dependencies) bound.
template <class D, class R, class... A>
auto bound(D dependencies, Task<R> (*f)(D, A...)) {
  return [dependencies, f](A... arguments) -> Task<R> {
    return f(dependencies, std::move(arguments)...);
  };
}

}  // namespace pulse::http
