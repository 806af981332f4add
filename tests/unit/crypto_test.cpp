#include "platform/crypto/crypto.hpp"

#include <gtest/gtest.h>

namespace pulse::crypto {

TEST(Crypto, sha256_gives_the_standards_vector) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Crypto, hmac_gives_rfc_4231_case_2) {
  EXPECT_EQ(hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Crypto, base64url_round_trips_every_length) {
  for (std::size_t n = 0; n < 70; ++n) {
    const auto bytes = random_bytes(n);
    EXPECT_EQ(from_base64(base64url(bytes)), bytes);
  }
  EXPECT_EQ(base64url("\xff\xfe"), "__4");
  EXPECT_EQ(from_base64("__4="), "\xff\xfe");
  EXPECT_FALSE(from_base64("a"));
  EXPECT_FALSE(from_base64("a b="));
}

TEST(Crypto, hex_refuses_what_is_none) {
  EXPECT_EQ(from_hex("00ff"), std::string("\x00\xff", 2));
  EXPECT_FALSE(from_hex("0"));
  EXPECT_FALSE(from_hex("zz"));
}

TEST(Crypto, sealed_text_opens_in_its_place_only) {
  const Sealer sealer({std::string(64, 'a')});
  const auto sealed = sealer.seal("secret", "users/1");
  EXPECT_EQ(sealed.find("secret"), std::string::npos);
  EXPECT_EQ(sealer.open(sealed, "users/1"), "secret");
  EXPECT_THROW(sealer.open(sealed, "users/2"), Error);
  auto changed = sealed;
  changed[changed.size() / 2] = changed[changed.size() / 2] == 'A' ? 'B' : 'A';
  EXPECT_THROW(sealer.open(changed, "users/1"), Error);
}

TEST(Crypto, keys_rotate_and_old_texts_stay_readable) {
  const Sealer before({std::string(64, 'a')});
  const Sealer after({std::string(64, 'b'), std::string(64, 'a')});
  EXPECT_EQ(after.open(before.seal("x", ""), ""), "x");
  EXPECT_THROW(before.open(after.seal("x", ""), ""), Error);
  EXPECT_THROW(Sealer({"short"}), Error);
  EXPECT_THROW(Sealer({}).seal("x", ""), Error);
}

TEST(Crypto, password_fits_its_own_hash_only) {
  const auto encoded = hash_password("correct horse");
  EXPECT_TRUE(encoded.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
  EXPECT_TRUE(password_fits("correct horse", encoded));
  EXPECT_FALSE(password_fits("wrong horse", encoded));
  EXPECT_NE(encoded, hash_password("correct horse"));
}

TEST(Crypto, equal_compares_whole_texts) {
  EXPECT_TRUE(equal("abc", "abc"));
  EXPECT_FALSE(equal("abc", "abd"));
  EXPECT_FALSE(equal("abc", "ab"));
}

}  // namespace pulse::crypto
