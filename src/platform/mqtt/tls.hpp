#pragma once
#include <memory>
#include <string>

#include "platform/mqtt/endpoint.hpp"

struct ssl_ctx_st;
struct ssl_st;

namespace pulse::mqtt {

/// An OpenSSL context shared by connections (SSL_CTX_up_ref counts for them).
using TlsContext = std::shared_ptr<ssl_ctx_st>;

/// TLS 1.2 and up for a listener. Throws std::runtime_error that names the file at fault.
TlsContext make_server_tls(const TlsFiles& files);

/// TLS 1.2 and up for a client. Empty names: no verification, no certificate. Throws likewise.
TlsContext make_client_tls(const std::string& ca_file, const std::string& certificate_file,
                           const std::string& key_file);

/// Common Name and SHA-256 fingerprint (lower-case hex) of the certificate that the handshake took.
struct PeerCertificate {
  std::string common_name;
  std::string fingerprint;
};
PeerCertificate peer_certificate(const ssl_st* ssl);

/// The oldest error of this thread's OpenSSL queue as text; clears the queue.
std::string tls_error();

}  // namespace pulse::mqtt
