#include "platform/crypto/x509.hpp"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "platform/crypto/crypto.hpp"

namespace pulse::crypto {

namespace {

template <class T, void (*release)(T*)>
struct Releaser {
  void operator()(T* p) const { release(p); }
};
template <class T, void (*release)(T*)>
using Owned = std::unique_ptr<T, Releaser<T, release>>;

using Name = Owned<X509_NAME, X509_NAME_free>;
using Number = Owned<BIGNUM, BN_free>;
using Asn1Number = Owned<ASN1_INTEGER, ASN1_INTEGER_free>;
using Asn1Time = Owned<ASN1_TIME, ASN1_TIME_free>;
using Extension = Owned<X509_EXTENSION, X509_EXTENSION_free>;
using Request = Owned<X509_REQ, X509_REQ_free>;
using Store = Owned<X509_STORE, X509_STORE_free>;
using StoreContext = Owned<X509_STORE_CTX, X509_STORE_CTX_free>;
using RevocationList = Owned<X509_CRL, X509_CRL_free>;
struct BioReleaser {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using Bio = std::unique_ptr<BIO, BioReleaser>;

[[noreturn]] void fail(const std::string& what) {
  std::array<char, 256> text{};
  const auto code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) throw Error(what);
  ERR_error_string_n(code, text.data(), text.size());
  throw Error(what + ": " + text.data());
}

void need(bool good, const char* what) {
  if (!good) fail(what);
}

/// PEM that wants a password gets none: OpenSSL would ask for it at the terminal.
int no_password(char*, int, int, void*) { return -1; }

Bio reader_of(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long n = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<std::size_t>(n));
}

std::string text_of(const X509_NAME* name) {
  const Bio out(BIO_new(BIO_s_mem()));
  need(out && X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253) >= 0, "name");
  return text_of(out.get());
}

std::string pem_of(X509* certificate) {
  const Bio out(BIO_new(BIO_s_mem()));
  need(out && PEM_write_bio_X509(out.get(), certificate) == 1, "certificate as PEM");
  return text_of(out.get());
}

std::string common_name_of(const X509_NAME* subject) {
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) return {};
  unsigned char* text = nullptr;
  const int n =
      ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (n < 0) return {};
  std::string out(reinterpret_cast<char*>(text), static_cast<std::size_t>(n));
  OPENSSL_free(text);
  return out;
}

std::string serial_of(const ASN1_INTEGER* serial) {
  const Number number(ASN1_INTEGER_to_BN(serial, nullptr));
  need(number != nullptr, "serial number");
  std::string bytes(static_cast<std::size_t>(BN_num_bytes(number.get())), '\0');
  BN_bn2bin(number.get(), reinterpret_cast<unsigned char*>(bytes.data()));
  return bytes.empty() ? "00" : hex(bytes);
}

/// Nothing for a time that is none.
std::optional<std::int64_t> epoch_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  return static_cast<std::int64_t>(timegm(&parts));
}

bool is_strong(EVP_PKEY* key) {
  if (key == nullptr) return false;
  if (EVP_PKEY_is_a(key, "RSA"))
    return EVP_PKEY_get_bits(key) >= 2048 && EVP_PKEY_get_bits(key) <= 8192;
  std::array<char, 64> group{};
  std::size_t n = 0;
  if (!EVP_PKEY_is_a(key, "EC") ||
      EVP_PKEY_get_group_name(key, group.data(), group.size(), &n) != 1)
    return false;
  const std::string_view name(group.data(), n);
  return name == "prime256v1" || name == "secp384r1" || name == "secp521r1";
}

/// What `certificate` says; nothing when a part of it can't be read.
std::optional<CertificateFacts> facts_of(X509* certificate) {
  CertificateFacts f;
  const auto from = epoch_of(X509_get0_notBefore(certificate));
  const auto until = epoch_of(X509_get0_notAfter(certificate));
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (!from || !until || X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1)
    return std::nullopt;
  f.common_name = common_name_of(X509_get_subject_name(certificate));
  f.issuer = text_of(X509_get_issuer_name(certificate));
  f.subject = text_of(X509_get_subject_name(certificate));
  f.serial = serial_of(X509_get0_serialNumber(certificate));
  f.fingerprint = hex(std::string_view(reinterpret_cast<char*>(digest.data()), size));
  f.pem = pem_of(certificate);
  f.not_before_s = *from;
  f.not_after_s = *until;
  f.is_authority = X509_check_ca(certificate) == 1;
  f.has_strong_key = is_strong(X509_get0_pubkey(certificate));
  return f;
}

void add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  need(extension && X509_add_ext(certificate, extension.get(), -1) == 1, "extension");
}

Asn1Time time_at(std::int64_t epoch_s) {
  Asn1Time time(ASN1_TIME_set(nullptr, static_cast<std::time_t>(epoch_s)));
  need(time != nullptr, "time");
  return time;
}

Asn1Number asn1_of(const BIGNUM* number) {
  Asn1Number out(BN_to_ASN1_INTEGER(number, nullptr));
  need(out != nullptr, "number");
  return out;
}

std::string whole_file(const std::string& file) {
  const Bio in(BIO_new_file(file.c_str(), "r"));
  if (!in) fail(file);
  std::string text(64 * 1024, '\0');
  const int n = BIO_read(in.get(), text.data(), static_cast<int>(text.size()));
  text.resize(static_cast<std::size_t>(std::max(n, 0)));
  return text;
}

/// Every certificate of a PEM text, without what stands between them.
std::string all_certificates(const std::string& pem) {
  const auto in = reader_of(pem);
  std::string out;
  while (X509* next = PEM_read_bio_X509(in.get(), nullptr, no_password, nullptr)) {
    out += pem_of(next);
    X509_free(next);
  }
  ERR_clear_error();
  return out;
}

}  // namespace

Key make_key(KeyType type) {
  EVP_PKEY* made = type == KeyType::rsa_2048 ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
  if (made == nullptr) fail("key");
  return Key(made, EVP_PKEY_free);
}

std::string private_key_pem(const Key& key) {
  const Bio out(BIO_new(BIO_s_mem()));
  need(out && PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                            nullptr) == 1,
       "private key as PEM");
  auto text = text_of(out.get());
  // The buffer is freed, not cleared, by OpenSSL: nothing of the key stays in it.
  char* data = nullptr;
  const long n = BIO_get_mem_data(out.get(), &data);
  OPENSSL_cleanse(data, static_cast<std::size_t>(n));
  return text;
}

std::optional<Certificate> Certificate::from_pem(std::string_view pem) {
  if (pem.size() > pem_bytes_max) return std::nullopt;
  const auto in = reader_of(pem);
  X509* read = in ? PEM_read_bio_X509(in.get(), nullptr, no_password, nullptr) : nullptr;
  ERR_clear_error();
  if (read == nullptr) return std::nullopt;
  Certificate out;
  out.handle_ = std::shared_ptr<X509>(read, X509_free);
  auto facts = facts_of(read);
  ERR_clear_error();
  if (!facts) return std::nullopt;
  out.facts_ = std::move(*facts);
  return out;
}

bool Certificate::names_issuer(const Certificate& authority) const {
  return X509_NAME_cmp(X509_get_issuer_name(handle_.get()),
                       X509_get_subject_name(authority.handle_.get())) == 0;
}

bool Certificate::is_signed_by(const Certificate& authority) const {
  if (!authority.facts_.is_authority) return false;
  const Store store(X509_STORE_new());
  const StoreContext context(X509_STORE_CTX_new());
  need(store && context && X509_STORE_add_cert(store.get(), authority.handle_.get()) == 1 &&
           X509_STORE_CTX_init(context.get(), store.get(), handle_.get(), nullptr) == 1,
       "verification");
  auto* rules = X509_STORE_CTX_get0_param(context.get());
  // The authority is the anchor even where it is no root; weak hashes and keys count for nothing.
  X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
  X509_VERIFY_PARAM_set_purpose(rules, X509_PURPOSE_SSL_CLIENT);
  X509_VERIFY_PARAM_set_auth_level(rules, 2);
  const bool good = X509_verify_cert(context.get()) == 1;
  ERR_clear_error();
  // An anchor is trusted as it stands, so it would also verify itself.
  return good && facts_.fingerprint != authority.facts_.fingerprint;
}

std::optional<Key> key_of_request(std::string_view csr_pem) {
  if (csr_pem.size() > pem_bytes_max) return std::nullopt;
  const auto in = reader_of(csr_pem);
  const Request request(in ? PEM_read_bio_X509_REQ(in.get(), nullptr, no_password, nullptr)
                           : nullptr);
  const Key key(request ? X509_REQ_get_pubkey(request.get()) : nullptr, EVP_PKEY_free);
  const bool good = is_strong(key.get()) && X509_REQ_verify(request.get(), key.get()) == 1;
  ERR_clear_error();
  if (!good) return std::nullopt;
  return key;
}

Authority Authority::from_files(const std::string& certificate_file, const std::string& key_file) {
  const auto pem = whole_file(certificate_file);
  const auto all = all_certificates(pem);
  const auto first = Certificate::from_pem(std::string_view(all).substr(0, pem_bytes_max));
  if (!first) throw Error(certificate_file + ": no certificate in PEM");
  if (!first->facts().is_authority)
    throw Error(certificate_file + ": the certificate is no authority's (CA:TRUE, keyCertSign)");
  const auto key_text = whole_file(key_file);
  const auto in = reader_of(key_text);
  const Key key(PEM_read_bio_PrivateKey(in.get(), nullptr, no_password, nullptr), EVP_PKEY_free);
  if (!key) fail(key_file + ": no unencrypted private key in PEM");
  if (X509_check_private_key(first->handle_.get(), key.get()) != 1)
    fail(key_file + ": not the key of " + certificate_file);
  Authority out;
  out.certificate_ = *first;
  out.key_ = key;
  out.bundle_ = all;
  return out;
}

Certificate Authority::issue(const Key& subject, const std::string& common_name, int days) const {
  const std::shared_ptr<X509> made(X509_new(), X509_free);
  const Number serial(BN_new());
  const Name name(X509_NAME_new());
  need(made && serial && name && X509_set_version(made.get(), X509_VERSION_3) == 1 &&
           BN_rand(serial.get(), 128, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1,
       "certificate");
  // As UTF8String of its own accord: OpenSSL would cut the name's length at RFC 5280's 64
  // characters, and an id alone may have 128.
  need(X509_NAME_add_entry_by_NID(name.get(), NID_commonName, V_ASN1_UTF8STRING,
                                  reinterpret_cast<const unsigned char*>(common_name.data()),
                                  static_cast<int>(common_name.size()), -1, 0) == 1,
       "common name");
  const auto now = static_cast<std::int64_t>(std::time(nullptr));
  const auto number = asn1_of(serial.get());
  const auto from = time_at(std::max(now - 300, certificate_.facts().not_before_s));
  const auto until =
      time_at(std::min(now + std::int64_t{days} * 86'400, certificate_.facts().not_after_s));
  auto* issuer = certificate_.handle_.get();
  need(X509_set_serialNumber(made.get(), number.get()) == 1 &&
           X509_set1_notBefore(made.get(), from.get()) == 1 &&
           X509_set1_notAfter(made.get(), until.get()) == 1 &&
           X509_set_subject_name(made.get(), name.get()) == 1 &&
           X509_set_issuer_name(made.get(), X509_get_subject_name(issuer)) == 1 &&
           X509_set_pubkey(made.get(), subject.get()) == 1,
       "certificate");
  const bool rsa = EVP_PKEY_is_a(subject.get(), "RSA") == 1;
  add_extension(made.get(), issuer, NID_basic_constraints, "critical,CA:FALSE");
  add_extension(made.get(), issuer, NID_key_usage,
                rsa ? "critical,digitalSignature,keyEncipherment" : "critical,digitalSignature");
  add_extension(made.get(), issuer, NID_ext_key_usage, "clientAuth");
  add_extension(made.get(), issuer, NID_subject_key_identifier, "hash");
  add_extension(made.get(), issuer, NID_authority_key_identifier, "keyid");
  need(X509_sign(made.get(), key_.get(), EVP_sha256()) > 0, "signature");
  auto out = Certificate::from_pem(pem_of(made.get()));
  need(out.has_value(), "certificate");
  return std::move(*out);
}

std::string Authority::revocation_list(const std::vector<RevokedSerial>& revoked,
                                       std::int64_t number, std::int64_t valid_s) const {
  const RevocationList list(X509_CRL_new());
  const auto now = static_cast<std::int64_t>(std::time(nullptr));
  const auto from = time_at(now), until = time_at(now + valid_s);
  auto* issuer = certificate_.handle_.get();
  need(list && X509_CRL_set_version(list.get(), X509_CRL_VERSION_2) == 1 &&
           X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(issuer)) == 1 &&
           X509_CRL_set1_lastUpdate(list.get(), from.get()) == 1 &&
           X509_CRL_set1_nextUpdate(list.get(), until.get()) == 1,
       "revocation list");
  for (const auto& r : revoked) {
    BIGNUM* parsed = nullptr;
    BN_hex2bn(&parsed, r.serial.c_str());
    const Number serial(parsed);
    need(serial != nullptr, "serial number");
    const auto asn1 = asn1_of(serial.get());
    const auto at = time_at(r.revoked_at_s);
    std::unique_ptr<X509_REVOKED, decltype(&X509_REVOKED_free)> entry(X509_REVOKED_new(),
                                                                      X509_REVOKED_free);
    need(entry && X509_REVOKED_set_serialNumber(entry.get(), asn1.get()) == 1 &&
             X509_REVOKED_set_revocationDate(entry.get(), at.get()) == 1 &&
             X509_CRL_add0_revoked(list.get(), entry.get()) == 1,
         "entry of the revocation list");
    entry.release();  // the list's now
  }
  const Number count(BN_new());
  need(count && BN_set_word(count.get(), static_cast<BN_ULONG>(number)) == 1, "number");
  const auto asn1 = asn1_of(count.get());
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, nullptr, nullptr, list.get(), 0);
  const Extension key_id(
      X509V3_EXT_conf_nid(nullptr, &context, NID_authority_key_identifier, "keyid"));
  need(X509_CRL_add1_ext_i2d(list.get(), NID_crl_number, asn1.get(), 0, 0) == 1 && key_id &&
           X509_CRL_add_ext(list.get(), key_id.get(), -1) == 1 && X509_CRL_sort(list.get()) == 1 &&
           X509_CRL_sign(list.get(), key_.get(), EVP_sha256()) > 0,
       "revocation list");
  const Bio out(BIO_new(BIO_s_mem()));
  need(out && PEM_write_bio_X509_CRL(out.get(), list.get()) == 1, "revocation list as PEM");
  return text_of(out.get());
}

}  // namespace pulse::crypto
