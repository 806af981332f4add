#pragma once
// What is stated of one endpoint, and the fluent way of stating it: route, access, what it takes
// and answers.
#include <functional>
#include <string>
#include <string_view>
#include <utility>
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
  boost::json::value response_schema = nullptr;
  std::string response_type = "application/json";
  std::vector<std::string> other_response_types;  ///< as text, where the caller chooses
  int success = 200;
  json::Components* components = nullptr;
};

/// One way in which an endpoint may fail.
struct Failure {
  int status = 0;
  std::string detail;
  std::string media_type = "application/json";
  /// The answer's schema where it is not `{"detail": ...}`.
  std::function<boost::json::value(json::Components&)> schema;
};

/// The stated facts of one endpoint.
struct EndpointSpec {
  std::string method;
  std::string pattern;                       ///< "/api/v1/customer/sites/{site_id}"
  std::vector<std::string> parameter_names;  ///< of the pattern, in order
  Access access = Access::undeclared;
  std::string permission;  ///< e.g. "sites.write"; empty: the caller's kind is enough
  std::string summary, description, tag;
  std::vector<Failure> failures;
  int success = 0;                                   ///< 0: from the return type
  std::vector<std::pair<int, std::string>> without;  ///< good answers beside it, without a body
  std::size_t max_body_bytes = 1024 * 1024;
  bool secret = false;  ///< its answers carry a secret: nobody may store them
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
    spec_->failures.push_back({status, std::move(detail), "application/json", {}});
    return *this;
  }
  /// A failure that people see: a page.
  Endpoint& fails_with_page(int status, std::string detail) {
    spec_->failures.push_back({status, std::move(detail), "text/html", {}});
    return *this;
  }
  /// A failure whose answer has a form of its own.
  template <class T>
  Endpoint& fails_with(int status, std::string detail) {
    spec_->failures.push_back({status, std::move(detail), "application/json",
                               [](json::Components& c) { return json::schema<T>(c); }});
    return *this;
  }
  /// Another good answer, one without a body: 204, or 302 to elsewhere.
  Endpoint& also(int status, std::string detail) {
    spec_->without.emplace_back(status, std::move(detail));
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
  /// The answer carries a secret (a token, a password, a private key): `Cache-Control: no-store`.
  Endpoint& secret() {
    spec_->secret = true;
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
  /// States the form's fields where the handler reads them from the raw request.
  template <class T>
  Endpoint& form() {
    auto inner = spec_->describe;
    spec_->describe = [inner](OperationDoc& doc) {
      if (inner) inner(doc);
      doc.request_body = boost::json::object{{"required", true},
                                             {"content",
                                              {{"application/x-www-form-urlencoded",
                                                {{"schema", json::schema<T>(*doc.components)}}}}}};
      doc.any_body_type = true;
    };
    return *this;
  }
  /// States the query's parameters where the handler reads them from the raw request.
  template <class T>
  Endpoint& query();
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
