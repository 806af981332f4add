// Signing keys: what they sign is verified with OpenSSL from the published JWKS alone.
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "identity/issuer.hpp"
#include "identity_fixture.hpp"
#include "tenancy/guard.hpp"

namespace pulse::test {
namespace {

using identity::KeyStore;

/// Verifies an RS256 JWT with the key of its kid in a JWKS document.
bool fits(const std::string& token, const std::string& jwks) {
  const auto first = token.find('.'), last = token.rfind('.');
  const auto head = boost::json::parse(crypto::from_base64(token.substr(0, first)).value());
  if (head.at("alg") != "RS256") return false;
  const auto set = boost::json::parse(jwks);
  for (const auto& k : set.at("keys").as_array()) {
    if (k.at("kid") != head.at("kid")) continue;
    EXPECT_EQ(k.at("kty"), "RSA");
    EXPECT_EQ(k.at("use"), "sig");
    EXPECT_FALSE(k.as_object().contains("d")) << "a private part is published";
    const auto number = [&](const char* name) {
      const auto bytes = crypto::from_base64(std::string(k.at(name).as_string())).value();
      return BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()),
                       static_cast<int>(bytes.size()), nullptr);
    };
    BIGNUM *n = number("n"), *e = number("e");
    EXPECT_EQ(BN_num_bits(n), 2048);
    OSSL_PARAM_BLD* build = OSSL_PARAM_BLD_new();
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e);
    OSSL_PARAM* params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX* make = EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr);
    EVP_PKEY* key = nullptr;
    EVP_PKEY_fromdata_init(make);
    EVP_PKEY_fromdata(make, &key, EVP_PKEY_PUBLIC_KEY, params);
    const auto signature = crypto::from_base64(token.substr(last + 1)).value();
    EVP_MD_CTX* verify = EVP_MD_CTX_new();
    EVP_DigestVerifyInit(verify, nullptr, EVP_sha256(), nullptr, key);
    const bool good =
        EVP_DigestVerify(verify, reinterpret_cast<const unsigned char*>(signature.data()),
                         signature.size(), reinterpret_cast<const unsigned char*>(token.data()),
                         last) == 1;
    EVP_MD_CTX_free(verify);
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(make);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    BN_free(n);
    BN_free(e);
    return good;
  }
  return false;
}

std::string kid_of(const std::string& token) {
  const auto head =
      boost::json::parse(crypto::from_base64(token.substr(0, token.find('.'))).value());
  return std::string(head.at("kid").as_string());
}

class KeyStoreTest : public PgTest {
 public:
  crypto::Sealer sealer{{std::string(64, 'b')}};
  pg::Pool pool{io.get_executor(), options()};
  std::size_t published(const KeyStore& store) {
    return boost::json::parse(store.jwks()).at("keys").as_array().size();
  }
  void age_keys(const std::string& interval) {
    admin("UPDATE identity.signing_keys SET created_at = created_at - interval '" + interval + "'");
  }
};

TEST_F(KeyStoreTest, signs_what_the_published_key_verifies) {
  KeyStore store(sealer);
  EXPECT_FALSE(store.ready());
  EXPECT_THROW(store.sign("{}"), crypto::Error);
  await(store.refresh(pool));
  ASSERT_TRUE(store.ready());
  auto token = store.sign(R"({"sub":"x"})");
  EXPECT_TRUE(fits(token, store.jwks()));
  const auto claims = store.claims_of(token);
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->at("sub"), "x");
  token[token.find('.') + 4] ^= 1;
  EXPECT_FALSE(fits(token, store.jwks()));
  EXPECT_FALSE(store.claims_of(token));
  for (const char* bad : {"", ".", "..", "a.b.c", "e30.e30.", "\xff.\xff.\xff"})
    EXPECT_FALSE(store.claims_of(bad)) << bad;
  const auto none = crypto::base64url(R"({"alg":"none","kid":")" + kid_of(token) + "\"}") + "." +
                    crypto::base64url(R"({"sub":"x"})") + ".";
  EXPECT_FALSE(store.claims_of(none));
}

TEST_F(KeyStoreTest, two_processes_share_one_first_key_and_the_database_holds_no_plain_one) {
  KeyStore one(sealer), two(sealer);
  await(one.refresh(pool));
  await(two.refresh(pool));
  EXPECT_EQ(one.jwks(), two.jwks());
  EXPECT_EQ(admin("SELECT count(*) FROM identity.signing_keys"), "1");
  EXPECT_EQ(admin("SELECT count(*) FROM identity.signing_keys WHERE private_key LIKE '%BEGIN%'"),
            "0");
}

TEST_F(KeyStoreTest, rotates_after_thirty_days_publishing_before_signing) {
  KeyStore store(sealer);
  await(store.refresh(pool));
  const auto old_token = store.sign("{}");
  age_keys("31 days");
  await(store.refresh(pool));
  EXPECT_EQ(published(store), 2U);
  EXPECT_EQ(kid_of(store.sign("{}")), kid_of(old_token)) << "verifiers do not know the new key yet";
  age_keys("11 minutes");
  await(store.refresh(pool));
  const auto new_token = store.sign("{}");
  EXPECT_NE(kid_of(new_token), kid_of(old_token));
  EXPECT_TRUE(fits(old_token, store.jwks())) << "its tokens still live";
  age_keys("1 day");
  await(store.refresh(pool));
  EXPECT_EQ(published(store), 1U);
  EXPECT_FALSE(fits(old_token, store.jwks()));
  EXPECT_TRUE(fits(new_token, store.jwks()));
}

TEST_F(KeyStoreTest, names_the_variable_when_keys_can_not_be_sealed_or_opened) {
  const crypto::Sealer nothing{{}};
  KeyStore unsealed(nothing);
  const auto problem = [&](KeyStore& store) -> std::string {
    try {
      await(store.refresh(pool));
    } catch (const crypto::Error& e) {
      return e.what();
    }
    return {};
  };
  EXPECT_NE(problem(unsealed).find("PULSE_SECRET_KEY"), std::string::npos);
  KeyStore good(sealer);
  EXPECT_EQ(problem(good), "");
  const crypto::Sealer another{{std::string(64, 'c')}};
  KeyStore wrong(another);
  EXPECT_NE(problem(wrong).find("PULSE_SECRET_KEY"), std::string::npos);
  EXPECT_FALSE(wrong.ready());
}

TEST_F(IssuerTest, access_and_id_tokens_say_who_and_whose) {
  identity::SessionUser who;
  who.session_id = "01900000-0000-7000-8000-000000000000";
  who.signed_in_s = 1'700'000'000;
  who.user = await(identity::find_user(pool, "ADA@demo.example")).value();
  const auto tokens = identity::make_tokens(deps, who, "openid", "n-1");
  EXPECT_TRUE(fits(tokens.access, deps.keys->jwks()));
  EXPECT_TRUE(fits(tokens.id, deps.keys->jwks()));
  const auto a = claims(tokens.access);
  EXPECT_EQ(a.at("iss"), "https://pulse.example/realms/pulse");
  EXPECT_EQ(a.at("aud"), "pulse-ui");
  EXPECT_EQ(a.at("azp"), "pulse-ui");
  EXPECT_EQ(a.at("typ"), "Bearer");
  EXPECT_EQ(text(a, "sub"), user_id);
  EXPECT_EQ(text(a, "sid"), who.session_id);
  EXPECT_EQ(a.at("preferred_username"), "ada");
  EXPECT_EQ(a.at("email"), "ada@demo.example");
  EXPECT_EQ(a.at("name"), "Ada Byron");
  EXPECT_EQ(a.at("given_name"), "Ada");
  EXPECT_EQ(a.at("family_name"), "Byron");
  EXPECT_EQ(a.at("scope"), "openid");
  EXPECT_EQ(a.at("tenant_id"), "demo");
  const boost::json::value organization{{"demo", {{"id", "demo"}}}};
  EXPECT_EQ(a.at("organization"), organization);
  const boost::json::value roles{"customer", "tenant-admin"};
  EXPECT_EQ(a.at("realm_access").at("roles"), roles);
  EXPECT_EQ(a.at("exp").as_int64() - a.at("iat").as_int64(), 300);
  EXPECT_FALSE(text(a, "jti").empty());
  const auto id = claims(tokens.id);
  EXPECT_EQ(id.at("typ"), "ID");
  EXPECT_EQ(id.at("nonce"), "n-1");
  EXPECT_EQ(id.at("auth_time"), 1'700'000'000);
  EXPECT_NE(id.at("jti"), a.at("jti"));
}

TEST(RefreshToken, follows_from_the_one_before_and_proves_its_session) {
  const std::string session = "01900000-0000-7000-8000-000000000000";
  const auto first = identity::first_refresh_token("key", session);
  EXPECT_NE(first, identity::first_refresh_token("key", session));
  EXPECT_EQ(identity::session_of_token("key", first), session);
  const auto next = identity::next_refresh_token("key", session, first);
  EXPECT_NE(next, first);
  EXPECT_EQ(next, identity::next_refresh_token("key", session, first));
  EXPECT_NE(next, identity::next_refresh_token("other", session, first));
  EXPECT_FALSE(identity::session_of_token("other", first));
  auto changed = first;
  changed[60] = changed[60] == 'A' ? 'B' : 'A';
  EXPECT_FALSE(identity::session_of_token("key", changed));
  // keycloak-js decodes it.
  EXPECT_EQ(IssuerTest::claims(first).at("typ"), "Refresh");
  EXPECT_EQ(IssuerTest::text(IssuerTest::claims(first), "sid"), session);
  for (const char* bad : {"", ".", "..", "a.b", "a.b.c"})
    EXPECT_FALSE(identity::session_of_token("key", bad)) << bad;
}

}  // namespace
}  // namespace pulse::test
