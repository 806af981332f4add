#pragma once
// What a handler's parameters and results mean. One declaration gives route, decoding, validation,
// access check, OpenAPI entry, metrics label and audit name.
#include <charconv>
#include <functional>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "platform/errors.hpp"
#include "platform/http/declaration.hpp"
#include "platform/http/message.hpp"
#include "platform/json/schema.hpp"

namespace pulse::http {

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

template <class T>
Endpoint& Endpoint::query() {
  auto inner = spec_->describe;
  spec_->describe = [inner](OperationDoc& doc) {
    if (inner) inner(doc);
    Extract<Query<T>>::describe(doc);
  };
  return *this;
}

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
