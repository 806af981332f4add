#include "platform/json/cbor.hpp"

#include <gtest/gtest.h>

namespace pulse::json {

TEST(Cbor, a_payload_becomes_json) {
  // {"metrics": {"t": 21.5, "on": true, "n": -3}} of RFC 8949's encoding.
  const std::string bytes("\xa1\x67metrics\xa3\x61t\xf9\x4d\x60\x62on\xf5\x61n\x22", 22);
  EXPECT_EQ(from_cbor(bytes), R"({"metrics":{"n":-3,"on":true,"t":21.5}})");
}

TEST(Cbor, what_is_none_or_can_not_be_json_is_refused) {
  EXPECT_FALSE(from_cbor(""));
  EXPECT_FALSE(from_cbor("\xa1\x61"));                               // cut off
  EXPECT_FALSE(from_cbor(std::string("\x01\x02", 2)));               // two items
  EXPECT_FALSE(from_cbor(std::string("\xa1\x61k\x42\x01\x02", 6)));  // a byte string
  EXPECT_FALSE(from_cbor(std::string("\x61\xff", 2)));               // text that is no UTF-8
  EXPECT_FALSE(from_cbor(std::string(60'000, '\x81')));              // nested without end
  EXPECT_FALSE(from_cbor(std::string(60'000, '\xc1')));              // tags without end
  EXPECT_FALSE(from_cbor(std::string(100, 'x'), 10));
}

}  // namespace pulse::json
