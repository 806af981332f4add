#pragma once
// AWS Signature Version 4 of S3 requests.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/clock.hpp"
#include "platform/http/message.hpp"

namespace pulse::storage {

struct S3Credentials {
  std::string access_key, secret_key, region;
};

/// One request to S3. `path` is encoded; `query` is not, and sorted by the signer.
struct S3Request {
  std::string method, host, path;
  std::vector<std::pair<std::string, std::string>> query;
  std::vector<std::pair<std::string, std::string>> headers;  ///< x-amz-*, lower case
};

/// Percent-encodes as S3 wants it: all but letters, digits and "-._~", and "/" in paths.
std::string s3_encode(std::string_view text, bool keep_slashes = false);
/// The query in its canonical form: encoded and sorted.
std::string canonical_query(std::vector<std::pair<std::string, std::string>> query);

/// The header fields that a signed request carries, Authorization among them. `payload_sha256` in
/// hex.
http::Headers sign(const S3Request& request, std::string_view payload_sha256,
                   const S3Credentials& credentials, Time at);
/// The query, canonical, of a request that anybody may make for so many seconds.
std::string presign(S3Request request, long seconds, const S3Credentials& credentials, Time at);

}  // namespace pulse::storage
