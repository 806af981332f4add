#include "gateway/background_jobs.hpp"

#include "alerting/digests.hpp"
#include "alerting/escalation_webhooks.hpp"
#include "alerting/notifications/jobs.hpp"
#include "connectivity/sync_job.hpp"
#include "fleet/campaigns.hpp"
#include "fleet/certificate_job.hpp"
#include "fleet/commands.hpp"
#include "fleet/firmware.hpp"
#include "fleet/import_jobs.hpp"
#include "fleet/jobs.hpp"
#include "fleet/status_job.hpp"
#include "fleet/twin.hpp"
#include "gateway/alerting_people.hpp"
#include "gateway/settings.hpp"
#include "operations/tenants.hpp"
#include "platform/log.hpp"
#include "telemetry/retention_job.hpp"

namespace pulse::gateway {

namespace {

constexpr long second = 1'000, minute = 60 * second, hour = 60 * minute;

template <class T>
Task<> without_result(Task<T> work) {
  co_await std::move(work);
}

/// `round` gives a Task of anything; it is no coroutine itself, since it dies before its task.
template <class Round>
BackgroundJob every(long period_ms, std::string name, Round round) {
  BackgroundJob out;
  out.name = std::move(name);
  out.period_ms = period_ms;
  out.round = [round]() -> Task<> { return without_result(round()); };
  return out;
}

/// The key of a job's advisory lock, by its name (FNV-1a).
std::int64_t lock_of(const std::string& name) {
  std::uint64_t out = 0xcbf29ce484222325;
  for (const unsigned char c : "pulse job " + name) out = (out ^ c) * 0x100000001b3;
  return static_cast<std::int64_t>(out);
}

/// Round after round while the leadership holds.
Task<> repeat(BackgroundJob job, std::function<bool()> still_leader) {
  while (still_leader()) {
    std::string problem;
    try {
      co_await job.round();
    } catch (const std::exception& e) {
      problem = e.what();
    }
    if (!problem.empty())
      log::error_throttled("job failed, trying again", {{"job", job.name}, {"error", problem}}, 30);
    for (long slept = 0; slept < job.period_ms && still_leader(); slept += second)
      co_await sleep_ms(std::min(second, job.period_ms - slept));
  }
}

Task<> lead(Process& p, const BackgroundJob& job) {
  // Not a coroutine itself: GCC 12 destroys a temporary closure twice inside a co_await expression.
  return pg::with_leadership(
      pool_options(p.config, "pulse-ops"), lock_of(job.name), 2 * second,
      [&p, job](std::function<bool()> still_leader) -> Task<> {
        return repeat(job, [&p, still_leader] { return still_leader() && !p.stopping; });
      });
}

Task<int> keep_notifications(pg::Pool& pool, const crypto::Sealer& sealer) {
  const int sealed = co_await alerting::seal_older_webhooks(pool, sealer);
  const int gone = co_await alerting::notifications::forget_old_jobs(pool);
  co_return sealed + gone;
}

}  // namespace

std::vector<BackgroundJob> background_jobs(Process& p) {
  const long stale_s = p.config.integer("HEARTBEAT_STALE_SECONDS");
  const long campaigns = p.config.integer("CAMPAIGN_SECONDS") * second;
  const long carriers = p.config.integer("CARRIER_SYNC_SECONDS") * second;
  const auto directory = p.identity.directory(*p.pool, p.base.io().get_executor());
  const auto certificates = std::make_shared<fleet::CertificateJob>();
  certificates->device_ca = p.device_ca;
  certificates->crl_file = p.config.text("DEVICE_CRL_FILE");
  const fleet::ImportWorkDeps imports{p.pool.get(), &p.nats, p.audit};
  const auto escalation = escalation_job(p, directory);
  auto& pool = *p.pool;
  auto& nats = p.nats;
  auto& files = *p.files;
  const operations::RemoveFiles remove_files = [&files](std::string tenant) {
    return fleet::remove_files_of(files, std::move(tenant));
  };
  // clang-format off
  return {
      every(1 * second, "imports", [=] { return fleet::work_import_jobs(imports); }),
      every(5 * second, "device status", [&, stale_s] { return fleet::mark_silent_devices(pool, nats, stale_s); }),
      every(5 * second, "commands", [&] { return fleet::sweep_commands(pool, nats); }),
      every(1 * minute, "command expiry", [&] { return fleet::expire_commands(pool, nats); }),
      every(15 * second, "desired states", [&] { return fleet::resend_desired(pool, nats); }),
      every(1 * hour, "notification log", [&] { return keep_notifications(pool, p.sealer); }),
      every(5 * second, "certificates", [&, certificates] { return fleet::keep_certificates(certificates, pool, nats); }),
      every(campaigns, "campaigns", [&] { return fleet::run_campaigns(pool, nats, files); }),
      every(10 * second, "escalation", [=] { return alerting::escalate_alerts(escalation); }),
      every(1 * minute, "jobs", [&] { return fleet::run_job_upkeep(pool, nats); }),
      every(1 * minute, "uploads", [&] { return fleet::remove_expired_uploads(pool, files); }),
      every(carriers, "carrier sync", [&] { return connectivity::sync_due_integrations(connectivity_deps(p), pool); }),
      every(1 * minute, "alert digests", [&] { return alerting::send_due_digests(pool, p.mailer, p.config.text("UI_BASE_URL")); }),
      every(1 * hour, "retention", [&] { return telemetry::keep_partitions(pool); }),
      every(1 * hour, "tenant removal", [&, directory, remove_files] { return operations::purge_deleted_tenants(pool, *directory, remove_files); }),
      every(1 * minute, "directory repair", [directory] { return directory->repair(); }),
  };
  // clang-format on
}

void start_background_jobs(Process& p) {
  for (const auto& job : background_jobs(p)) p.base.spawn(job.name, lead(p, job));
}

}  // namespace pulse::gateway
