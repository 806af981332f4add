// SHA-256 of what is stored, piece by piece.
#include <openssl/evp.h>

#include "platform/crypto/crypto.hpp"
#include "platform/storage/storage.hpp"

namespace pulse::storage {

Task<std::string> sha256_of(Storage& storage, std::string key, std::int64_t size) {
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> hash(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  if (!hash || EVP_DigestInit_ex(hash.get(), EVP_sha256(), nullptr) != 1)
    throw Error("SHA-256 is not to be had");
  for (std::int64_t at = 0; at < size;) {
    const auto bytes = co_await storage.read(key, at, part_bytes);
    if (bytes.empty()) throw Error("object " + key + " is shorter than it should be");
    EVP_DigestUpdate(hash.get(), bytes.data(), bytes.size());
    at += static_cast<std::int64_t>(bytes.size());
  }
  std::string digest(32, '\0');
  EVP_DigestFinal_ex(hash.get(), reinterpret_cast<unsigned char*>(digest.data()), nullptr);
  co_return crypto::hex(digest);
}

}  // namespace pulse::storage
