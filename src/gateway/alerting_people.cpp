#include "gateway/alerting_people.hpp"

namespace pulse::gateway {

namespace {

Task<std::optional<alerting::OncallPerson>> person_of(
    std::shared_ptr<identity::Directory> directory, std::string tenant_id, std::string name) {
  const bool address = name.find('@') != std::string::npos;
  std::optional<identity::DirectoryUser> user;
  if (address)
    user = co_await directory->user_of_email(std::move(name));
  else
    user = co_await directory->user_of_name(std::move(name));
  if (!user || user->tenant_id != tenant_id || !user->enabled) co_return std::nullopt;
  alerting::OncallPerson out;
  out.user_id = user->id;
  out.email = user->email;
  co_return out;
}

}  // namespace

alerting::EscalationJob escalation_job(Process& process,
                                       std::shared_ptr<identity::Directory> directory) {
  alerting::EscalationJob job;
  job.pool = process.pool.get();
  job.nats = &process.nats;
  job.metrics = &process.metrics;
  job.person_of = [directory](std::string tenant_id, std::string name) {
    return person_of(directory, std::move(tenant_id), std::move(name));
  };
  return job;
}

}  // namespace pulse::gateway
