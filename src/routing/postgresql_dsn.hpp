#pragma once
// What a tenant may say of a database of its own, and how it reaches libpq.
#include <optional>
#include <string>
#include <string_view>

namespace pulse::routing {

/// What a dsn says. Only these parts reach libpq: others would let a tenant read this machine's
/// files (sslkey, passfile, service).
struct Dsn {
  std::string host, database, user, password, sslmode = "require";
  int port = 5432;
  /// The server's certificate is verified.
  bool verifies() const { return sslmode == "verify-ca" || sslmode == "verify-full"; }
};

/// postgresql://user:password@host:port/database?sslmode=disable|prefer|require|verify-ca|verify-full.
/// Nothing when it can't be read; `wrong` says why.
std::optional<Dsn> read_dsn(const std::string& text, std::string& wrong);

/// libpq's connection string (PostgreSQL manual, 34.1): to `address`, which the host's name led to,
/// with the certificate verified for the name. `authorities` is a file of those who may have signed
/// it, read when the dsn says that it is verified.
std::string conninfo(const Dsn& dsn, const std::string& address, const std::string& authorities);

/// One or more certificates in PEM, at most 64 KiB.
bool is_certificate_bundle(std::string_view pem);

/// A file without a name in any directory (memfd_create), for libraries that take paths alone.
class MemoryFile {
 public:
  /// Throws std::system_error.
  MemoryFile(const char* label, std::string_view content);
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  /// Good in this process for as long as it lives.
  std::string path() const;

 private:
  int fd_;
};

}  // namespace pulse::routing
