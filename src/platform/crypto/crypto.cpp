#include "platform/crypto/crypto.hpp"

#include <argon2.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>
#include <memory>

namespace pulse::crypto {

namespace {
const unsigned char* bytes_of(std::string_view s) {
  return reinterpret_cast<const unsigned char*>(s.data());
}
unsigned char* bytes_of(std::string& s) { return reinterpret_cast<unsigned char*>(s.data()); }
void check(int ok, const char* what) {
  if (ok != 1) throw Error(what);
}
constexpr std::size_t key_bytes = 32, nonce_bytes = 12, tag_bytes = 16;
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX*)>;
}  // namespace

std::string random_bytes(std::size_t bytes) {
  std::string out(bytes, '\0');
  check(RAND_bytes(bytes_of(out), static_cast<int>(bytes)), "no random bytes");
  return out;
}
std::string random_token(std::size_t bytes) { return base64url(random_bytes(bytes)); }

std::string sha256(std::string_view data) {
  std::string out(32, '\0');
  unsigned length = 0;
  check(EVP_Digest(data.data(), data.size(), bytes_of(out), &length, EVP_sha256(), nullptr),
        "SHA-256 failed");
  return out;
}
std::string sha256_hex(std::string_view data) { return hex(sha256(data)); }

std::string hmac_sha256(std::string_view key, std::string_view data) {
  std::string out(32, '\0');
  unsigned length = 0;
  if (!HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(data), data.size(),
            bytes_of(out), &length))
    throw Error("HMAC failed");
  return out;
}

std::string hex(std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const unsigned char c : bytes) {
    out += digits[c >> 4];
    out += digits[c & 15];
  }
  return out;
}

std::optional<std::string> from_hex(std::string_view text) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  if (text.size() % 2 != 0) return std::nullopt;
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]), low = digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
  }
  return out;
}

std::string base64url(std::string_view bytes) {
  static constexpr char alphabet[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  out.reserve((bytes.size() * 4 + 2) / 3);
  unsigned buffer = 0;
  int bits = 0;
  for (const unsigned char c : bytes) {
    buffer = (buffer << 8) | c;
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      out += alphabet[(buffer >> bits) & 63];
    }
  }
  if (bits > 0) out += alphabet[(buffer << (6 - bits)) & 63];
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  if (text.size() % 4 == 1) return std::nullopt;
  std::string out;
  out.reserve(text.size() * 3 / 4);
  unsigned buffer = 0;
  int bits = 0;
  for (const char c : text) {
    unsigned value = 0;
    if (c >= 'A' && c <= 'Z')
      value = static_cast<unsigned>(c - 'A');
    else if (c >= 'a' && c <= 'z')
      value = static_cast<unsigned>(c - 'a') + 26;
    else if (c >= '0' && c <= '9')
      value = static_cast<unsigned>(c - '0') + 52;
    else if (c == '-' || c == '+')
      value = 62;
    else if (c == '_' || c == '/')
      value = 63;
    else
      return std::nullopt;
    buffer = (buffer << 6) | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out += static_cast<char>((buffer >> bits) & 255);
    }
  }
  return out;
}

bool equal(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

Sealer::Sealer(const std::vector<std::string>& keys) {
  for (const auto& text : keys) {
    if (text.empty()) continue;
    auto bytes = text.size() == key_bytes * 2 ? from_hex(text) : from_base64(text);
    if (!bytes || bytes->size() != key_bytes)
      throw Error("a sealing key must be 32 bytes in hex or base64url");
    keys_.push_back({sha256_hex(*bytes).substr(0, 8), std::move(*bytes)});
  }
}

std::string Sealer::seal(std::string_view plain, std::string_view context) const {
  if (!ready()) throw Error("no sealing key is configured");
  const auto& key = keys_.front();
  std::string out = random_bytes(nonce_bytes);
  out.resize(nonce_bytes + plain.size() + tag_bytes);
  const Cipher cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  int length = 0;
  check(EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key.bytes),
                           bytes_of(out)),
        "sealing failed");
  check(EVP_EncryptUpdate(cipher.get(), nullptr, &length, bytes_of(context),
                          static_cast<int>(context.size())),
        "sealing failed");
  check(EVP_EncryptUpdate(cipher.get(), bytes_of(out) + nonce_bytes, &length, bytes_of(plain),
                          static_cast<int>(plain.size())),
        "sealing failed");
  check(EVP_EncryptFinal_ex(cipher.get(), bytes_of(out) + nonce_bytes + length, &length),
        "sealing failed");
  check(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, tag_bytes,
                            bytes_of(out) + nonce_bytes + plain.size()),
        "sealing failed");
  return "v1." + key.id + "." + base64url(out);
}

std::string Sealer::open(std::string_view sealed, std::string_view context) const {
  const auto first = sealed.find('.');
  const auto second = first == std::string_view::npos ? first : sealed.find('.', first + 1);
  if (second == std::string_view::npos || sealed.substr(0, first) != "v1")
    throw Error("not a sealed text");
  const auto id = sealed.substr(first + 1, second - first - 1);
  auto bytes = from_base64(sealed.substr(second + 1));
  if (!bytes || bytes->size() < nonce_bytes + tag_bytes) throw Error("not a sealed text");
  for (const auto& key : keys_) {
    if (key.id != id) continue;
    std::string plain(bytes->size() - nonce_bytes - tag_bytes, '\0');
    const Cipher cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
    int length = 0;
    check(EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key.bytes),
                             bytes_of(*bytes)),
          "opening failed");
    check(EVP_DecryptUpdate(cipher.get(), nullptr, &length, bytes_of(context),
                            static_cast<int>(context.size())),
          "opening failed");
    check(EVP_DecryptUpdate(cipher.get(), bytes_of(plain), &length, bytes_of(*bytes) + nonce_bytes,
                            static_cast<int>(plain.size())),
          "opening failed");
    check(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, tag_bytes,
                              bytes_of(*bytes) + nonce_bytes + plain.size()),
          "opening failed");
    check(EVP_DecryptFinal_ex(cipher.get(), bytes_of(plain) + length, &length),
          "the sealed text was changed, or belongs elsewhere");
    return plain;
  }
  throw Error("no key opens this text: it was sealed with a key that is not configured");
}

namespace {
constexpr std::uint32_t argon_passes = 2, argon_kib = 19 * 1024, argon_lanes = 1;
}

std::string hash_password(std::string_view password) {
  const auto salt = random_bytes(16);
  std::array<char, 256> encoded{};
  const int rc =
      argon2id_hash_encoded(argon_passes, argon_kib, argon_lanes, password.data(), password.size(),
                            salt.data(), salt.size(), 32, encoded.data(), encoded.size());
  if (rc != ARGON2_OK) throw Error(argon2_error_message(rc));
  return encoded.data();
}

bool password_fits(std::string_view password, const std::string& encoded) {
  return argon2id_verify(encoded.c_str(), password.data(), password.size()) == ARGON2_OK;
}

}  // namespace pulse::crypto
