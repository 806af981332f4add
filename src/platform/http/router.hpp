#pragma once
// Routes declared endpoints: matching, access check, errors, OpenAPI. One Router per loop.
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "platform/http/endpoint.hpp"

namespace pulse::http {

/// Checks the caller against an endpoint's stated access; fills Request::caller; throws HttpError
/// (401, 403, 503) otherwise.
using Authorizer = std::function<Task<>(Request&, const EndpointSpec&)>;
/// Told after each answer: route pattern (or "unmatched"), status, seconds.
using Observer = std::function<void(const Request&, std::string_view pattern, int status, double)>;

class Router {
 public:
  Router();
  ~Router();

  template <class F>
  Endpoint get(std::string pattern, F f) {
    return add("GET", std::move(pattern), std::move(f));
  }
  template <class F>
  Endpoint post(std::string pattern, F f) {
    return add("POST", std::move(pattern), std::move(f));
  }
  template <class F>
  Endpoint put(std::string pattern, F f) {
    return add("PUT", std::move(pattern), std::move(f));
  }
  template <class F>
  Endpoint patch(std::string pattern, F f) {
    return add("PATCH", std::move(pattern), std::move(f));
  }
  template <class F>
  Endpoint del(std::string pattern, F f) {
    return add("DELETE", std::move(pattern), std::move(f));
  }

  void authorize_with(Authorizer authorizer) { authorizer_ = std::move(authorizer); }
  void observe_with(Observer observer) { observer_ = std::move(observer); }
  /// Answers what no endpoint matches (static files, SPA); nothing: 404.
  void fallback(std::function<Task<std::optional<Response>>(Request&)> f) {
    fallback_ = std::move(f);
  }
  /// Throws std::logic_error naming every endpoint that states no access, or a pattern twice.
  void check() const;

  /// What the head alone decides, before the body is read: 404 for an unknown path (or what the
  /// fallback answers), 405 with Allow for a wrong method, OPTIONS, and the access check's refusal.
  /// Nothing: the request is admitted, `handle` may have it whole. Never throws for what a caller
  /// does: errors become answers with `{"detail": ...}`.
  Task<std::optional<Response>> admit(Request& head);
  /// Answers a request; one that was not admitted yet is, first. Never throws, as `admit`. HEAD is
  /// GET without a body.
  Task<Response> handle(Request& request);
  /// Body limit in bytes that applies to a request before its body is read.
  std::size_t body_limit(std::string_view method, std::string_view path) const;

  /// Who stands before the router tells what it adds to an operation's `responses`.
  void describe_also(std::function<void(const EndpointSpec&, boost::json::object& responses)> f) {
    describe_also_ = std::move(f);
  }
  /// The OpenAPI 3.1 document of everything declared.
  boost::json::value openapi(std::string_view version) const;

 private:
  struct Match {
    const EndpointSpec* spec = nullptr;
    bool path_known = false;
    std::string allow;
    std::vector<std::pair<std::string, std::string>> params;
  };
  template <class F>
  Endpoint add(std::string method, std::string pattern, F f) {
    using S = detail::Signature<F>;
    EndpointSpec& spec = specs_.emplace_back();
    spec.method = std::move(method);
    spec.pattern = std::move(pattern);
    detail::fill<F, typename S::Result>(spec, std::move(f),
                                        static_cast<typename S::Arguments*>(nullptr));
    index(spec);
    return Endpoint(spec);
  }
  void index(EndpointSpec& spec);
  Match match(std::string_view method, std::string_view path) const;
  Task<std::optional<Response>> judge_head(Request& head);
  Task<Response> run(Request& request);
  void finish(Request& request, Response& response, std::int64_t begun_us) const;

  std::deque<EndpointSpec> specs_;  // stable addresses
  struct Node;
  std::unique_ptr<Node> root_;
  Authorizer authorizer_;
  Observer observer_;
  std::function<Task<std::optional<Response>>(Request&)> fallback_;
  std::function<void(const EndpointSpec&, boost::json::object&)> describe_also_;
};

/// States in the document that an answer comes with this header, one of `components/headers`.
void add_header(boost::json::object& answer, std::string_view name);

/// The JSON answer for an exception: HttpError, ValidationError, and 500 with the request id for
/// the rest (logged).
Response error_response(const std::exception_ptr& error, const Request& request);

}  // namespace pulse::http
