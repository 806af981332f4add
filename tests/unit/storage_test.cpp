// Object storage: AWS's own examples of Signature Version 4, and ranges of bytes.
#include <gtest/gtest.h>

#include "platform/crypto/crypto.hpp"
#include "platform/crypto/ed25519.hpp"
#include "platform/http/byte_range.hpp"
#include "platform/storage/sigv4.hpp"

namespace pulse::storage {
namespace {

// From "Authenticating Requests: Using the Authorization Header" and "... Query Parameters".
S3Credentials example_credentials() {
  S3Credentials out;
  out.access_key = "AKIAIOSFODNN7EXAMPLE";
  out.secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
  out.region = "us-east-1";
  return out;
}

S3Request example_request() {
  S3Request out;
  out.method = "GET";
  out.host = "examplebucket.s3.amazonaws.com";
  out.path = "/test.txt";
  return out;
}

Time example_time() { return *parse_iso8601("2013-05-24T00:00:00Z"); }

TEST(SigV4, signs_a_request_as_the_manual_does) {
  auto request = example_request();
  request.headers.emplace_back("range", "bytes=0-9");
  const auto headers = sign(request, crypto::sha256_hex(""), example_credentials(), example_time());
  EXPECT_EQ(headers.get("Authorization"),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature="
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(SigV4, signs_a_link_as_the_manual_does) {
  const auto query = presign(example_request(), 86400, example_credentials(), example_time());
  EXPECT_TRUE(
      query.ends_with("&X-Amz-Signature="
                      "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"))
      << query;
}

TEST(SigV4, encodes_what_s3_wants) {
  EXPECT_EQ(s3_encode("/a b/ü~-_.", true), "/a%20b/%C3%BC~-_.");
  EXPECT_EQ(s3_encode("/"), "%2F");
  EXPECT_EQ(canonical_query({{"b", "2"}, {"a", "x+y"}, {"uploads", ""}}), "a=x%2By&b=2&uploads=");
}

TEST(ByteRange, one_range_of_ten) {
  using Kind = http::ByteRange::Kind;
  const auto read = [](std::string_view header) { return http::read_byte_range(header, 10); };
  const auto is = [&](std::string_view header, std::int64_t first, std::int64_t last) {
    const auto range = read(header);
    return range.kind == Kind::part && range.first == first && range.last == last;
  };
  EXPECT_TRUE(is("bytes=0-0", 0, 0));
  EXPECT_TRUE(is("bytes=3-", 3, 9));
  EXPECT_TRUE(is("bytes=-4", 6, 9));
  EXPECT_TRUE(is("bytes=-40", 0, 9));
  EXPECT_TRUE(is("bytes=8-99", 8, 9));
  for (const auto* header : {"bytes=10-", "bytes=-0"})
    EXPECT_EQ(read(header).kind, Kind::unsatisfiable) << header;
  for (const auto* header : {"", "bytes=", "bytes=-", "bytes=5-4", "bytes=a-b", "bytes=1-2,4-5",
                             "lines=1-2", "bytes=+1-2", "bytes=99999999999999999999-"})
    EXPECT_EQ(read(header).kind, Kind::whole) << header;
}

// RFC 8032, 7.1, test 2.
TEST(Ed25519, knows_a_signature) {
  const auto key =
      *crypto::from_hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  auto signature = *crypto::from_hex(
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
  EXPECT_TRUE(crypto::ed25519_fits(key, "\x72", signature));
  EXPECT_FALSE(crypto::ed25519_fits(key, "\x73", signature));
  signature[3] = static_cast<char>(signature[3] ^ 1);
  EXPECT_FALSE(crypto::ed25519_fits(key, "\x72", signature));
  EXPECT_FALSE(crypto::ed25519_fits(key, "\x72", "short"));
  EXPECT_EQ(crypto::ed25519_public_key(crypto::base64url(key)), key);
  EXPECT_EQ(crypto::ed25519_public_key("AAAA"), std::nullopt);
}

}  // namespace
}  // namespace pulse::storage
