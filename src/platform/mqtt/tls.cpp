#include "platform/mqtt/tls.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <stdexcept>

namespace pulse::mqtt {
namespace {

TlsContext new_context(const SSL_METHOD* method) {
  TlsContext context(SSL_CTX_new(method), SSL_CTX_free);
  if (!context) throw std::runtime_error("TLS: " + tls_error());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // Idle connections hand their record buffers back, 34 KiB each.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return context;
}

void load_certificate(SSL_CTX* context, const std::string& chain, const std::string& key) {
  if (SSL_CTX_use_certificate_chain_file(context, chain.c_str()) != 1) {
    throw std::runtime_error("TLS certificate " + chain + ": " + tls_error());
  }
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    throw std::runtime_error("TLS key " + key + ": " + tls_error());
  }
}

void load_authorities(SSL_CTX* context, const std::string& file) {
  if (SSL_CTX_load_verify_locations(context, file.c_str(), nullptr) != 1) {
    throw std::runtime_error("TLS authorities " + file + ": " + tls_error());
  }
}

/// More than a client's certificate with what leads to its root; OpenSSL would take 100 KiB.
constexpr long client_chain_bytes_max = 32 * 1024;

/// Who signed a client's certificate is the owner's question; the handshake proves its key.
int take_any(X509_STORE_CTX* context, void*) {
  X509_STORE_CTX_set_error(context, X509_V_OK);
  return 1;
}

}  // namespace

std::string tls_error() {
  std::array<char, 256> text{};
  const auto code = ERR_get_error();
  if (code == 0) return "no detail";
  ERR_error_string_n(code, text.data(), text.size());
  ERR_clear_error();
  return text.data();
}

TlsContext make_server_tls(const TlsFiles& files) {
  auto context = new_context(TLS_server_method());
  load_certificate(context.get(), files.certificate_chain_file, files.private_key_file);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context.get(), 1);
  if (!files.client_ca_file.empty()) {
    load_authorities(context.get(), files.client_ca_file);
    SSL_CTX_set_client_CA_list(context.get(),
                               SSL_load_client_CA_file(files.client_ca_file.c_str()));
  }
  if (!files.client_ca_file.empty() || files.any_client_certificate) {
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_max_cert_list(context.get(), client_chain_bytes_max);
    constexpr std::array<unsigned char, 10> id{"pulsemqtt"};
    SSL_CTX_set_session_id_context(context.get(), id.data(), id.size());
  }
  if (files.any_client_certificate)
    SSL_CTX_set_cert_verify_callback(context.get(), take_any, nullptr);
  return context;
}

TlsContext make_client_tls(const std::string& ca_file, const std::string& certificate_file,
                           const std::string& key_file) {
  auto context = new_context(TLS_client_method());
  if (!ca_file.empty()) {
    load_authorities(context.get(), ca_file);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  }
  if (!certificate_file.empty()) load_certificate(context.get(), certificate_file, key_file);
  return context;
}

PeerCertificate peer_certificate(const ssl_st* ssl) {
  PeerCertificate peer;
  if (SSL_get_verify_result(ssl) != X509_V_OK) return peer;
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(ssl),
                                                                X509_free);
  if (!certificate) return peer;
  auto* subject = X509_get_subject_name(certificate.get());
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at >= 0) {
    auto* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
    unsigned char* text = nullptr;
    const int length = ASN1_STRING_to_UTF8(&text, value);
    if (length > 0) peer.common_name.assign(reinterpret_cast<char*>(text), length);
    OPENSSL_free(text);
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (X509_digest(certificate.get(), EVP_sha256(), digest.data(), &size) == 1) {
    constexpr std::string_view hex = "0123456789abcdef";
    for (unsigned i = 0; i < size; ++i) {
      peer.fingerprint += hex[digest[i] >> 4];
      peer.fingerprint += hex[digest[i] & 0x0F];
    }
  }
  return peer;
}

}  // namespace pulse::mqtt
