#include "routing/postgresql_dsn.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <boost/url.hpp>
#include <cerrno>
#include <memory>
#include <system_error>

#include "platform/pg/conninfo.hpp"

namespace pulse::routing {

namespace {

constexpr std::string_view sslmodes[] = {"disable", "prefer", "require", "verify-ca",
                                         "verify-full"};
constexpr std::size_t most_bundle_bytes = 64 * 1024;

}  // namespace

std::optional<Dsn> read_dsn(const std::string& text, std::string& wrong) {
  const auto parsed = boost::urls::parse_uri(text);
  if (!parsed || (parsed->scheme() != "postgresql" && parsed->scheme() != "postgres")) {
    wrong = "dsn must be postgresql://user:password@host:port/database";
    return std::nullopt;
  }
  Dsn out;
  out.host = parsed->host_address();
  out.user = parsed->user();
  out.password = parsed->password();
  if (parsed->has_port()) out.port = parsed->port_number();
  if (parsed->segments().size() == 1) out.database = parsed->segments().front();
  for (const auto& param : parsed->params()) {
    if (param.key != "sslmode") {
      wrong = "dsn may have the parameter sslmode alone";
      return std::nullopt;
    }
    out.sslmode = param.value;
  }
  if (out.host.empty() || out.user.empty() || out.password.empty() || out.database.empty() ||
      out.port == 0)
    wrong = "dsn must name host, user, password and database";
  else if (std::find(std::begin(sslmodes), std::end(sslmodes), out.sslmode) == std::end(sslmodes))
    wrong = "sslmode must be disable, prefer, require, verify-ca or verify-full";
  const auto all = out.host + out.user + out.password + out.database;
  if (all.find('\0') != std::string::npos) wrong = "dsn must not contain the NUL character";
  if (!wrong.empty()) return std::nullopt;
  return out;
}

std::string conninfo(const Dsn& dsn, const std::string& address, const std::string& authorities) {
  return "host=" + pg::conninfo_value(dsn.host) + " hostaddr=" + pg::conninfo_value(address) +
         " port=" + std::to_string(dsn.port) + " dbname=" + pg::conninfo_value(dsn.database) +
         " user=" + pg::conninfo_value(dsn.user) + " password=" + pg::conninfo_value(dsn.password) +
         " sslmode=" + dsn.sslmode +
         (dsn.verifies() ? " sslrootcert=" + pg::conninfo_value(authorities) : std::string()) +
         " passfile=/dev/null gssencmode=disable";
}

bool is_certificate_bundle(std::string_view pem) {
  if (pem.empty() || pem.size() > most_bundle_bytes) return false;
  const std::unique_ptr<BIO, int (*)(BIO*)> in(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  std::size_t found = 0;
  while (X509* certificate = PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr)) {
    X509_free(certificate);
    ++found;
  }
  ERR_clear_error();  // that there is no further one
  return found > 0;
}

MemoryFile::MemoryFile(const char* label, std::string_view content)
    : fd_(::memfd_create(label, MFD_CLOEXEC)) {
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "memfd_create");
  while (!content.empty()) {
    const auto written = ::write(fd_, content.data(), content.size());
    if (written < 0) {
      const int fault = errno;
      ::close(fd_);
      throw std::system_error(fault, std::generic_category(), "write");
    }
    content.remove_prefix(static_cast<std::size_t>(written));
  }
}

MemoryFile::~MemoryFile() { ::close(fd_); }

std::string MemoryFile::path() const { return "/proc/self/fd/" + std::to_string(fd_); }

}  // namespace pulse::routing
