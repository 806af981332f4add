#pragma once
// X.509 certificates of devices (RFC 5280): read, verify, issue, list as revoked. By OpenSSL.
// What comes from outside is bounded in size, and never believed before it is verified.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct evp_pkey_st;
struct x509_st;

namespace pulse::crypto {

/// The longest PEM text that is looked at.
inline constexpr std::size_t pem_bytes_max = 16 * 1024;

enum class KeyType { rsa_2048, ec_p256 };

/// A key pair, or the public half of one.
using Key = std::shared_ptr<evp_pkey_st>;

/// A new key pair. Slow for RSA: run it off the loops. Throws Error.
Key make_key(KeyType type);
/// The private key as PKCS #8 PEM. Throws Error.
std::string private_key_pem(const Key& key);

/// What a certificate says.
struct CertificateFacts {
  std::string common_name;      ///< UTF-8; empty when there is none, or more than one
  std::string issuer, subject;  ///< as RFC 2253 writes names; control characters escaped
  std::string serial;           ///< lower-case hex
  std::string fingerprint;      ///< SHA-256 of the DER form, lower-case hex
  std::string pem;              ///< this certificate alone
  std::int64_t not_before_s = 0, not_after_s = 0;  ///< epoch
  bool is_authority = false;    ///< may sign certificates: basic constraints and key usage say so
  bool has_strong_key = false;  ///< RSA of 2048 bits or more, or EC P-256, P-384 or P-521
};

class Certificate {
 public:
  /// The first certificate of a PEM text; nothing when it is malformed or too long.
  static std::optional<Certificate> from_pem(std::string_view pem);
  const CertificateFacts& facts() const { return facts_; }
  /// True when it names `authority` as its issuer. Names prove nothing.
  bool names_issuer(const Certificate& authority) const;
  /// True when `authority` signed it, may sign, and it may serve a client of TLS. Validity in time
  /// is the caller's question.
  bool is_signed_by(const Certificate& authority) const;
  bool is_valid_at(std::int64_t epoch_s) const {
    return facts_.not_before_s <= epoch_s && epoch_s < facts_.not_after_s;
  }

 private:
  friend class Authority;
  std::shared_ptr<x509_st> handle_;
  CertificateFacts facts_;
};

/// The public key of a certificate request (PKCS #10, PEM) that is signed by its own key; nothing
/// when it is malformed, too long, or the key is weak. Whatever else the request asks for is left.
std::optional<Key> key_of_request(std::string_view csr_pem);

/// An entry of a revocation list.
struct RevokedSerial {
  std::string serial;  ///< lower-case hex
  std::int64_t revoked_at_s = 0;
};

/// An issuing authority: its certificate and private key. Immutable, so loops may share it.
class Authority {
 public:
  /// Reads PEM files; the first certificate is the authority's own, those behind it lead to its
  /// root. Throws Error that names what is wrong.
  static Authority from_files(const std::string& certificate_file, const std::string& key_file);
  const Certificate& certificate() const { return certificate_; }
  /// Every certificate of its file.
  const std::string& bundle_pem() const { return bundle_; }
  /// A certificate for a client of TLS, valid from five minutes ago (clocks differ) until `days`
  /// from now, or until the authority's own end. Random serial of 128 bits. Throws Error.
  Certificate issue(const Key& subject, const std::string& common_name, int days) const;
  /// The revocation list as PEM (RFC 5280, 5), with the next one due in `valid_s`. Throws Error.
  std::string revocation_list(const std::vector<RevokedSerial>& revoked, std::int64_t number,
                              std::int64_t valid_s) const;

 private:
  Certificate certificate_;
  Key key_;
  std::string bundle_;
};

}  // namespace pulse::crypto
