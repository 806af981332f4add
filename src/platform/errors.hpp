#pragma once
// Errors at the edges: what an endpoint throws, and what a caller reads.
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace pulse {

/// An answer other than success: status, the `detail` a caller reads, and extra headers
/// (e.g. Retry-After). Thrown by handlers, turned into `{"detail": ...}` by the router.
struct HttpError : std::runtime_error {
  int status;
  std::vector<std::pair<std::string, std::string>> headers;
  HttpError(int status_, std::string detail,
            std::vector<std::pair<std::string, std::string>> headers_ = {})
      : std::runtime_error(std::move(detail)), status(status_), headers(std::move(headers_)) {}
};

inline HttpError bad_request(std::string detail) { return {400, std::move(detail)}; }
inline HttpError unauthorized(std::string detail) {
  return {401, std::move(detail), {{"WWW-Authenticate", "Bearer"}}};
}
inline HttpError forbidden(std::string detail) { return {403, std::move(detail)}; }
inline HttpError not_found(std::string detail) { return {404, std::move(detail)}; }
inline HttpError conflict(std::string detail) { return {409, std::move(detail)}; }
inline HttpError too_many(std::string detail, int retry_after_s) {
  return {429, std::move(detail), {{"Retry-After", std::to_string(retry_after_s)}}};
}
inline HttpError unavailable(std::string detail, int retry_after_s = 1) {
  return {503, std::move(detail), {{"Retry-After", std::to_string(retry_after_s)}}};
}

/// One thing wrong with the input. `loc` leads to it: {"body","latitude"}, {"query","limit"}.
/// `type` is a stable machine word: missing, string_type, int_type, out_of_range, ...
struct Fault {
  std::vector<std::string> loc;
  std::string msg;
  std::string type;
};
using Faults = std::vector<Fault>;

/// Input that can't be accepted, with every fault at once. Answers 422.
struct ValidationError : std::runtime_error {
  Faults faults;
  explicit ValidationError(Faults f)
      : std::runtime_error("validation failed"), faults(std::move(f)) {}
  ValidationError(std::vector<std::string> loc, std::string msg, std::string type)
      : ValidationError(Faults{Fault{std::move(loc), std::move(msg), std::move(type)}}) {}
};

}  // namespace pulse
