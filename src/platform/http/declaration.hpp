#pragma once
// What is stated about one endpoint beside its handler: who may call, what it says and answers.
#include <functional>
#include <map>
#include <string>
#include <vector>

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
  /// Of a failure's status: what its body may be besides `{"detail": ...}`, by media type.
  std::map<int, boost::json::object> failure_contents;
  boost::json::value response_schema = nullptr;
  std::string response_type = "application/json";
  std::vector<std::string> other_response_types;  ///< as text, where the caller chooses
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
  std::vector<std::pair<int, std::string>> other_successes;  ///< without a body
  int success = 0;                                           ///< 0: from the return type
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
  /// A failure whose body may also be a T, as `{"detail": ...}` is of all others.
  template <class T>
  Endpoint& fails_as(int status, std::string detail) {
    fails(status, std::move(detail));
    auto inner = spec_->describe;
    spec_->describe = [inner, status](OperationDoc& doc) {
      if (inner) inner(doc);
      doc.failure_contents[status]["application/json"] = json::schema<T>(*doc.components);
    };
    return *this;
  }
  /// A failure that may also be a page, or text of another kind.
  Endpoint& fails_as_text(int status, std::string detail, std::string media_type) {
    fails(status, std::move(detail));
    auto inner = spec_->describe;
    spec_->describe = [inner, status, media_type](OperationDoc& doc) {
      if (inner) inner(doc);
      doc.failure_contents[status][media_type] = boost::json::object{{"type", "string"}};
    };
    return *this;
  }
  /// Another way to succeed, without a body: a redirect, or nothing to say.
  Endpoint& or_answers(int status, std::string words) {
    spec_->other_successes.emplace_back(status, std::move(words));
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
  /// `others`: where the caller chooses among several kinds of text.
  Endpoint& produces(std::string media_type, std::vector<std::string> others = {}) {
    auto inner = spec_->describe;
    spec_->describe = [inner, media_type, others](OperationDoc& doc) {
      if (inner) inner(doc);
      doc.response_type = media_type;
      doc.other_response_types = others;
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

}  // namespace pulse::http
