#include "platform/http/router.hpp"

#include <map>
#include <set>
#include <stdexcept>

#include "platform/log.hpp"
#include "platform/pg/types.hpp"

namespace pulse::http {

/// One segment of the route tree. A parameter segment matches any text; a name ending in "*" takes
/// the rest of the path.
struct Router::Node {
  std::map<std::string, std::unique_ptr<Node>, std::less<>> literal;
  std::unique_ptr<Node> parameter;
  bool takes_rest = false;
  std::map<std::string, EndpointSpec*, std::less<>> methods;
};

namespace {

std::vector<std::string_view> segments(std::string_view path) {
  std::vector<std::string_view> out;
  if (!path.empty() && path.front() == '/') path.remove_prefix(1);
  while (true) {
    const auto slash = path.find('/');
    out.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return out;
    path.remove_prefix(slash + 1);
  }
}

Response faults_response(const Faults& faults) {
  std::string body = "{\"detail\":[";
  for (std::size_t i = 0; i < faults.size(); ++i) {
    if (i) body += ',';
    body += "{\"loc\":";
    json::write(body, faults[i].loc);
    body += ",\"msg\":";
    json::write(body, faults[i].msg);
    body += ",\"type\":";
    json::write(body, faults[i].type);
    body += '}';
  }
  return Response::json(422, body + "]}");
}

Response detail_response(int status, std::string_view detail) {
  std::string body = "{\"detail\":";
  json::write(body, detail);
  return Response::json(status, body + "}");
}

}  // namespace

Router::Router() : root_(std::make_unique<Node>()) {}
Router::~Router() = default;

void Router::index(EndpointSpec& spec) {
  Node* node = root_.get();
  for (const auto part : segments(spec.pattern)) {
    if (part.size() > 2 && part.front() == '{') {
      auto name = std::string(part.substr(1, part.size() - 2));
      if (!node->parameter) node->parameter = std::make_unique<Node>();
      node = node->parameter.get();
      if (name.back() == '*') {
        name.pop_back();
        node->takes_rest = true;
      }
      spec.parameter_names.push_back(std::move(name));
    } else {
      auto& next = node->literal[std::string(part)];
      if (!next) next = std::make_unique<Node>();
      node = next.get();
    }
  }
  if (!node->methods.emplace(spec.method, &spec).second)
    throw std::logic_error("endpoint declared twice: " + spec.method + " " + spec.pattern);
}

Router::Match Router::match(std::string_view method, std::string_view path) const {
  Match out;
  const auto parts = segments(path);
  std::vector<std::string> values;
  // Literal segments win over parameters; going back keeps "/devices/summary" and "/devices/{id}"
  // both reachable at every depth.
  std::function<const Node*(const Node*, std::size_t)> walk = [&](const Node* node,
                                                                  std::size_t i) -> const Node* {
    if (i == parts.size()) return node->methods.empty() ? nullptr : node;
    if (const auto it = node->literal.find(parts[i]); it != node->literal.end())
      if (const auto* hit = walk(it->second.get(), i + 1)) return hit;
    if (!node->parameter) return nullptr;
    const Node* next = node->parameter.get();
    if (next->takes_rest) {
      const auto start = static_cast<std::size_t>(parts[i].data() - path.data());
      if (auto text = percent_decode(path.substr(start))) {
        values.push_back(std::move(*text));
        return next;
      }
      return nullptr;
    }
    auto text = percent_decode(parts[i]);
    if (!text || text->empty()) return nullptr;
    values.push_back(std::move(*text));
    if (const auto* hit = walk(next, i + 1)) return hit;
    values.pop_back();
    return nullptr;
  };
  const Node* node = walk(root_.get(), 0);
  if (!node) return out;
  out.path_known = true;
  auto it = node->methods.find(method);
  if (it == node->methods.end() && method == "HEAD") it = node->methods.find("GET");
  if (it != node->methods.end()) {
    out.spec = it->second;
    for (std::size_t i = 0; i < values.size(); ++i)
      out.params.emplace_back(out.spec->parameter_names[i], std::move(values[i]));
  }
  for (const auto& [name, spec] : node->methods) {
    if (!out.allow.empty()) out.allow += ", ";
    out.allow += name;
    if (name == "GET") out.allow += ", HEAD";
  }
  out.allow += ", OPTIONS";
  return out;
}

void Router::check() const {
  std::string undeclared;
  for (const auto& spec : specs_)
    if (spec.access == Access::undeclared)
      undeclared += (undeclared.empty() ? "" : ", ") + spec.method + " " + spec.pattern;
  if (!undeclared.empty()) throw std::logic_error("endpoints that state no access: " + undeclared);
}

std::size_t Router::body_limit(std::string_view method, std::string_view path) const {
  const auto found = match(method, path);
  return found.spec ? found.spec->max_body_bytes : 64 * 1024;
}

Response error_response(const std::exception_ptr& error, const Request& request) {
  try {
    std::rethrow_exception(error);
  } catch (const ValidationError& e) {
    return faults_response(e.faults);
  } catch (const HttpError& e) {
    auto r = detail_response(e.status, e.what());
    for (const auto& [name, value] : e.headers) r.headers.add(name, value);
    return r;
  } catch (const pg::Error& e) {
    if (e.unavailable()) {
      log::error_throttled("database unavailable", {{"error", e.what()}});
      return detail_response(503, "Database unavailable").with("Retry-After", "1");
    }
    // Class 22 (data exception): a value that no rule of ours caught, but PostgreSQL can't take.
    if (e.sqlstate.starts_with("22"))
      return faults_response(Faults{Fault{{"request"}, "a value is out of range", "value_error"}});
    log::error("statement failed", {{"request_id", request.request_id},
                                    {"path", request.path},
                                    {"sqlstate", e.sqlstate},
                                    {"error", e.what()}});
    return detail_response(500, "Internal error (request " + request.request_id + ")");
  } catch (const std::exception& e) {
    log::error("request failed", {{"request_id", request.request_id},
                                  {"method", request.method},
                                  {"path", request.path},
                                  {"error", e.what()}});
    return detail_response(500, "Internal error (request " + request.request_id + ")");
  }
}

Task<std::optional<Response>> Router::judge_head(Request& head) {
  auto found = match(head.method, head.path);
  if (!found.path_known) {
    if (fallback_) {
      auto answer = co_await fallback_(head);
      if (answer) co_return answer;
    }
    throw not_found("Not found");
  }
  if (!found.spec) {
    if (head.method == "OPTIONS") {
      Response r;
      r.status = 204;
      r.headers.add("Allow", found.allow);
      co_return r;
    }
    throw HttpError(405, "Method not allowed", {{"Allow", found.allow}});
  }
  head.endpoint = found.spec;
  head.path_params = std::move(found.params);
  if (!authorizer_) throw std::logic_error("no authorizer: every request is refused");
  co_await authorizer_(head, *found.spec);
  head.admitted = true;
  co_return std::nullopt;
}

Task<Response> Router::run(Request& request) {
  const EndpointSpec& spec = *request.endpoint;
  if (request.body.size() > spec.max_body_bytes) throw HttpError(413, "Body too large");
  Response response = co_await spec.handle(request);
  if (spec.success != 0 && response.status == 200) response.status = spec.success;
  co_return response;
}

/// What every answer of the router gets, and who is told of it.
void Router::finish(Request& request, Response& response, std::int64_t begun_us) const {
  const bool matched = request.endpoint != nullptr;
  for (auto& [name, value] : request.answer_fields)
    response.headers.set(std::move(name), std::move(value));
  if (matched && request.endpoint->secret) response.headers.set("Cache-Control", "no-store");
  if (request.method == "HEAD" && !response.stream) {
    response.headers.set("Content-Length", std::to_string(response.body.size()));
    response.body.clear();
  }
  if (observer_)
    observer_(request, matched ? std::string_view(request.endpoint->pattern) : "unmatched",
              response.status, static_cast<double>(steady_us() - begun_us) / 1e6);
}

Task<std::optional<Response>> Router::admit(Request& head) {
  const auto start = steady_us();
  std::exception_ptr error;
  std::optional<Response> answer;
  try {
    answer = co_await judge_head(head);
  } catch (...) {
    error = std::current_exception();
  }
  if (error) answer = error_response(error, head);
  head.admission_us = steady_us() - start;
  if (answer) finish(head, *answer, start);
  co_return answer;
}

Task<Response> Router::handle(Request& request) {
  if (!request.admitted) {
    auto answer = co_await admit(request);
    if (answer) co_return std::move(*answer);
  }
  const auto start = steady_us() - request.admission_us;
  std::exception_ptr error;
  Response response;
  try {
    response = co_await run(request);
  } catch (...) {
    error = std::current_exception();
  }
  if (error) response = error_response(error, request);
  finish(request, response, start);
  co_return response;
}

}  // namespace pulse::http
