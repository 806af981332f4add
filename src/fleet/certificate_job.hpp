#pragma once
// What happens to certificates by themselves: they expire, their overlap ends, the list of revoked
// ones is written.
#include <memory>
#include <string>

#include "fleet/device_ca.hpp"
#include "platform/nats/client.hpp"
#include "platform/pg/pool.hpp"

namespace pulse::fleet {

struct CertificateJob {
  std::shared_ptr<const DeviceCa> device_ca;  ///< null: no list is written
  std::string crl_file;                       ///< for an outside broker; empty: none
  std::int64_t written_number = 0;            ///< of the list that stands in the file

  /// How long a list is valid; one is written anew well before.
  static constexpr std::int64_t crl_valid_s = 86'400;
};

/// One round. Ends what is due and tells every process; announces (as an audit event, once a
/// certificate) what expires within 30 days; writes the revocation list when it changed or is an
/// hour old.
Task<> keep_certificates(std::shared_ptr<CertificateJob> job, pg::Pool& pool, nats::Client& nats);

}  // namespace pulse::fleet
