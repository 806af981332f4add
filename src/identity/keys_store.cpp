#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "identity/keys.hpp"
#include "platform/clock.hpp"
#include "platform/json/write.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::identity {

namespace {

constexpr std::int64_t rotate_after_ms = 30LL * 86'400'000;
// A new key is published before it signs, so that verifiers' caches know it.
constexpr std::int64_t publish_first_ms = 600'000;
constexpr const char* sealing_context = "identity.signing_keys";
constexpr std::int64_t key_lock = 0x70756c736502;

using Pkey = std::shared_ptr<EVP_PKEY>;

Pkey owned(EVP_PKEY* key) {
  if (!key) throw crypto::Error("the signing key can't be made or read");
  return Pkey(key, EVP_PKEY_free);
}

std::string to_pem(EVP_PKEY* key) {
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new(BIO_s_mem()), BIO_free);
  if (PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1)
    throw crypto::Error("the signing key can't be written");
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

Pkey from_pem(const std::string& pem) {
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  return owned(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
}

std::string number(EVP_PKEY* key, const char* name) {
  BIGNUM* n = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &n) != 1)
    throw crypto::Error("the signing key can't be read");
  std::string bytes(static_cast<std::size_t>(BN_num_bytes(n)), '\0');
  BN_bn2bin(n, reinterpret_cast<unsigned char*>(bytes.data()));
  BN_free(n);
  return crypto::base64url(bytes);
}

}  // namespace

struct KeyStore::Key {
  std::string id;
  Pkey key;
  std::int64_t created_ms = 0;
};

namespace {

using Context = std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string open_key(const crypto::Sealer& sealer, std::string_view kid, std::string_view sealed) {
  try {
    return sealer.open(sealed, sealing_context);
  } catch (const crypto::Error& e) {
    throw crypto::Error("signing key " + std::string(kid) +
                        " can't be opened with PULSE_SECRET_KEY: " + e.what());
  }
}

boost::json::object object_in(std::string_view base64) {
  const auto text = crypto::from_base64(base64);
  boost::system::error_code ec;
  auto value = text ? boost::json::parse(*text, ec) : boost::json::value();
  return !ec && value.is_object() ? value.get_object() : boost::json::object();
}

}  // namespace

KeyStore::KeyStore(const crypto::Sealer& sealer) : sealer_(sealer) {}
KeyStore::~KeyStore() = default;

std::vector<std::shared_ptr<const KeyStore::Key>> KeyStore::snapshot() const {
  const std::lock_guard lock(mutex_);
  return keys_;
}

bool KeyStore::ready() const { return !snapshot().empty(); }

Task<> KeyStore::refresh(pg::Pool& pool) {
  if (!sealer_.ready())
    throw crypto::Error("PULSE_SECRET_KEY is not set: the issuer's signing keys can't be sealed");
  const pg::Scope scope;
  auto tx = co_await pool.begin(scope);
  // One process at a time decides whether a key is due.
  co_await tx.query("SELECT pg_advisory_xact_lock($1)", pg::Params::of(key_lock));
  co_await tx.query(
      "DELETE FROM identity.signing_keys k WHERE EXISTS (SELECT FROM identity.signing_keys newer "
      "WHERE newer.created_at > k.created_at AND newer.created_at < now() - interval '1 day')");
  auto rows = co_await tx.query(
      "SELECT kid, private_key, created_at FROM identity.signing_keys ORDER BY created_at DESC");
  const auto created = [&](int row) {
    Time at;
    pg::read_value(rows, row, 2, at);
    return to_ms(at);
  };
  if (rows.empty() || created(0) < now_ms() - rotate_after_ms) {
    const auto made = owned(EVP_RSA_gen(2048));
    const auto kid = crypto::hex(crypto::random_bytes(8));
    co_await tx.query("INSERT INTO identity.signing_keys (kid, private_key) VALUES ($1, $2)",
                      pg::Params::of(kid, sealer_.seal(to_pem(made.get()), sealing_context)));
    rows = co_await tx.query(
        "SELECT kid, private_key, created_at FROM identity.signing_keys ORDER BY created_at DESC");
  }
  std::vector<std::shared_ptr<const Key>> keys;
  for (int i = 0; i < rows.rows(); ++i) {
    auto key = std::make_shared<Key>();
    key->id = std::string(rows.text(i, 0));
    key->key = from_pem(open_key(sealer_, key->id, rows.text(i, 1)));
    key->created_ms = created(i);
    keys.push_back(std::move(key));
  }
  co_await tx.commit();
  const std::lock_guard lock(mutex_);
  keys_ = std::move(keys);
}

std::string KeyStore::sign(const std::string& claims) const {
  const auto keys = snapshot();
  if (keys.empty()) throw crypto::Error("the issuer has no signing key yet");
  // The newest that was published long enough; with a single key there is no choice.
  auto chosen = keys.back();
  for (const auto& k : keys)
    if (k->created_ms < now_ms() - publish_first_ms) {
      chosen = k;
      break;
    }
  const std::string head = "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"" + chosen->id + "\"}";
  const std::string text = crypto::base64url(head) + "." + crypto::base64url(claims);
  const Context ctx(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  std::size_t size = 0;
  const auto* bytes = bytes_of(text);
  if (EVP_DigestSignInit(ctx.get(), nullptr, EVP_sha256(), nullptr, chosen->key.get()) != 1 ||
      EVP_DigestSign(ctx.get(), nullptr, &size, bytes, text.size()) != 1)
    throw crypto::Error("signing failed");
  std::string signature(size, '\0');
  if (EVP_DigestSign(ctx.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes,
                     text.size()) != 1)
    throw crypto::Error("signing failed");
  signature.resize(size);
  return text + "." + crypto::base64url(signature);
}

std::optional<boost::json::object> KeyStore::claims_of(const std::string& token) const {
  const auto first = token.find('.');
  const auto last = token.rfind('.');
  if (first == std::string::npos || first == last) return std::nullopt;
  const std::string_view text(token);
  const auto signature = crypto::from_base64(text.substr(last + 1));
  const auto head = object_in(text.substr(0, first));
  const auto* alg = head.if_contains("alg");
  const auto* kid = head.if_contains("kid");
  if (!signature || !alg || *alg != "RS256" || !kid || !kid->is_string()) return std::nullopt;
  for (const auto& k : snapshot()) {
    if (k->id != std::string_view(kid->get_string())) continue;
    const Context ctx(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    if (EVP_DigestVerifyInit(ctx.get(), nullptr, EVP_sha256(), nullptr, k->key.get()) != 1 ||
        EVP_DigestVerify(ctx.get(), bytes_of(*signature), signature->size(), bytes_of(text),
                         last) != 1)
      return std::nullopt;
    return object_in(text.substr(first + 1, last - first - 1));
  }
  return std::nullopt;
}

std::string KeyStore::jwks() const {
  boost::json::array list;
  for (const auto& k : snapshot())
    list.push_back(boost::json::object{{"kid", k->id},
                                       {"kty", "RSA"},
                                       {"alg", "RS256"},
                                       {"use", "sig"},
                                       {"n", number(k->key.get(), OSSL_PKEY_PARAM_RSA_N)},
                                       {"e", number(k->key.get(), OSSL_PKEY_PARAM_RSA_E)}});
  return json::to_text(boost::json::object{{"keys", std::move(list)}});
}

}  // namespace pulse::identity
