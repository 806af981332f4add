#include "platform/crypto/ed25519.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>

#include "platform/crypto/crypto.hpp"

namespace pulse::crypto {

namespace {

using Key = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)>;

Key key_of(std::string_view bytes) {
  return Key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr,
                                         reinterpret_cast<const unsigned char*>(bytes.data()),
                                         bytes.size()),
             &EVP_PKEY_free);
}

}  // namespace

std::optional<std::string> ed25519_public_key(std::string_view text) {
  if (text.find("-----BEGIN") == std::string_view::npos) {
    auto bytes = from_base64(text);
    if (!bytes || bytes->size() != 32 || !key_of(*bytes)) return std::nullopt;
    return bytes;
  }
  const std::unique_ptr<BIO, int (*)(BIO*)> input(
      BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free);
  const Key key(PEM_read_bio_PUBKEY(input.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
  if (!key || EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519) return std::nullopt;
  std::string out(32, '\0');
  std::size_t size = out.size();
  if (EVP_PKEY_get_raw_public_key(key.get(), reinterpret_cast<unsigned char*>(out.data()), &size) !=
      1)
    return std::nullopt;
  return out;
}

bool ed25519_fits(std::string_view public_key, std::string_view message,
                  std::string_view signature) {
  const auto key = key_of(public_key);
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                   &EVP_MD_CTX_free);
  if (!key || !context ||
      EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1)
    return false;
  return EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                          signature.size(), reinterpret_cast<const unsigned char*>(message.data()),
                          message.size()) == 1;
}

}  // namespace pulse::crypto
