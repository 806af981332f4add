#include "gateway/alerting_people.hpp"

namespace pulse::gateway {

namespace {

Task<std::optional<std::string>> email_of_person(std::shared_ptr<identity::Directory> directory,
                                                 std::string tenant_id, std::string username) {
  const auto user = co_await directory->user_of_name(std::move(username));
  if (!user || user->tenant_id != tenant_id || !user->enabled || user->email.empty())
    co_return std::nullopt;
  co_return user->email;
}

}  // namespace

alerting::EscalationJob escalation_job(Process& process,
                                       std::shared_ptr<identity::Directory> directory) {
  alerting::EscalationJob job;
  job.pool = process.pool.get();
  job.nats = &process.nats;
  job.metrics = &process.metrics;
  job.email_of = [directory](std::string tenant_id, std::string username) {
    return email_of_person(directory, std::move(tenant_id), std::move(username));
  };
  return job;
}

}  // namespace pulse::gateway
