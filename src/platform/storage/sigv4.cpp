#include "platform/storage/sigv4.hpp"

#include <algorithm>

#include "platform/crypto/crypto.hpp"

namespace pulse::storage {

namespace {

/// "20261124T101112Z".
std::string basic_time(Time at) {
  std::string out;
  for (const char c : iso8601(at).substr(0, 19))
    if (c != '-' && c != ':') out += c;
  return out + "Z";
}

/// What headers are signed, in their order, and how they are spelt.
struct SignedHeaders {
  std::string names, lines;
};
SignedHeaders signed_headers(const S3Request& request) {
  auto headers = request.headers;
  headers.emplace_back("host", request.host);
  std::sort(headers.begin(), headers.end());
  SignedHeaders out;
  for (const auto& [name, value] : headers) {
    out.names += (out.names.empty() ? "" : ";") + name;
    out.lines.append(name).append(":").append(value).append("\n");
  }
  return out;
}

std::string scope_of(const S3Credentials& credentials, const std::string& time) {
  return time.substr(0, 8) + "/" + credentials.region + "/s3/aws4_request";
}

std::string signature_of(const S3Request& request, const SignedHeaders& headers,
                         const std::string& query, std::string_view payload,
                         const S3Credentials& credentials, const std::string& time) {
  std::string canonical = request.method + "\n" + request.path + "\n" + query + "\n";
  canonical.append(headers.lines).append("\n").append(headers.names).append("\n").append(payload);
  const std::string text = "AWS4-HMAC-SHA256\n" + time + "\n" + scope_of(credentials, time) + "\n" +
                           crypto::sha256_hex(canonical);
  auto key = crypto::hmac_sha256("AWS4" + credentials.secret_key, time.substr(0, 8));
  for (const std::string_view step : {std::string_view(credentials.region), std::string_view("s3"),
                                      std::string_view("aws4_request")})
    key = crypto::hmac_sha256(key, step);
  return crypto::hex(crypto::hmac_sha256(key, text));
}

}  // namespace

std::string s3_encode(std::string_view text, bool keep_slashes) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~' || (c == '/' && keep_slashes);
    if (plain)
      out += c;
    else
      out.append("%").append(1, digits[byte >> 4]).append(1, digits[byte & 15]);
  }
  return out;
}

std::string canonical_query(std::vector<std::pair<std::string, std::string>> query) {
  for (auto& [name, value] : query) {
    name = s3_encode(name);
    value = s3_encode(value);
  }
  std::sort(query.begin(), query.end());
  std::string out;
  for (const auto& [name, value] : query) out += (out.empty() ? "" : "&") + name + "=" + value;
  return out;
}

http::Headers sign(const S3Request& request, std::string_view payload_sha256,
                   const S3Credentials& credentials, Time at) {
  const auto time = basic_time(at);
  S3Request with = request;
  with.headers.emplace_back("x-amz-content-sha256", std::string(payload_sha256));
  with.headers.emplace_back("x-amz-date", time);
  const auto headers = signed_headers(with);
  http::Headers out;
  for (const auto& [name, value] : with.headers) out.add(name, value);
  out.add("Authorization", "AWS4-HMAC-SHA256 Credential=" + credentials.access_key + "/" +
                               scope_of(credentials, time) + ",SignedHeaders=" + headers.names +
                               ",Signature=" +
                               signature_of(with, headers, canonical_query(with.query),
                                            payload_sha256, credentials, time));
  return out;
}

std::string presign(S3Request request, long seconds, const S3Credentials& credentials, Time at) {
  const auto time = basic_time(at);
  const auto headers = signed_headers(request);
  request.query.emplace_back("X-Amz-Algorithm", "AWS4-HMAC-SHA256");
  request.query.emplace_back("X-Amz-Credential",
                             credentials.access_key + "/" + scope_of(credentials, time));
  request.query.emplace_back("X-Amz-Date", time);
  request.query.emplace_back("X-Amz-Expires", std::to_string(seconds));
  request.query.emplace_back("X-Amz-SignedHeaders", headers.names);
  const auto query = canonical_query(request.query);
  return query + "&X-Amz-Signature=" +
         signature_of(request, headers, query, "UNSIGNED-PAYLOAD", credentials, time);
}

}  // namespace pulse::storage
