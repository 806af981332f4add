#pragma once
// Jobs: a document for one device, a group or all, and how each device got on with it. Owns: tables
// jobs, job_executions, job_execution_counts (kept by triggers).
#include <boost/asio/any_io_executor.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fleet/to_device.hpp"
#include "platform/clock.hpp"
#include "platform/json/rules.hpp"
#include "platform/json/write.hpp"
#include "tenancy/caller.hpp"

namespace pulse::fleet {

struct CreateJob {
  std::optional<std::string> job_id;
  std::string document_type;
  boost::json::object document_params;
  std::optional<std::string> target_device_id, target_group_id;
  bool target_all = false;
  json::Patch<std::int64_t> expires_in_hours;  ///< absent: 24; null: never
};
BOOST_DESCRIBE_STRUCT(CreateJob, (),
                      (job_id, document_type, document_params, target_device_id, target_group_id,
                       target_all, expires_in_hours))
inline std::vector<std::string_view> optional_members(json::As<CreateJob>) {
  return {"document_params", "target_all"};
}
inline auto constraints(json::As<CreateJob>) {
  return json::rules<CreateJob>()
      .identifier(&CreateJob::job_id)
      .length(&CreateJob::document_type, 1, 100)
      .range(&CreateJob::expires_in_hours, 1, 720)
      .describe(&CreateJob::expires_in_hours, "24 when absent; null: never")
      .describe(&CreateJob::document_params, "At most 16 KiB")
      .check("document_params", [](const CreateJob& j) {
        return json::to_text(j.document_params).size() > 16 * 1024 ? "must be at most 16 KiB" : "";
      });
}

/// A job as lists show it. The counts are of its executions.
struct Job {
  std::string job_id, document_type;
  json::Raw document_params;
  std::string status;
  std::optional<std::string> target_device_id, target_group_id;
  bool target_all = false;
  std::optional<Time> expires_at;
  std::optional<std::string> created_by;
  Time created_at, updated_at;
  std::int64_t total_executions = 0, succeeded_count = 0, failed_count = 0, open_count = 0;
};
BOOST_DESCRIBE_STRUCT(Job, (),
                      (job_id, document_type, document_params, status, target_device_id,
                       target_group_id, target_all, expires_at, created_by, created_at, updated_at,
                       total_executions, succeeded_count, failed_count, open_count))

struct JobExecution {
  std::string device_id, status;
  std::optional<json::Raw> status_details;
  Time queued_at;
  std::optional<Time> started_at;
  Time last_updated_at;
  std::int64_t execution_number = 1;
};
BOOST_DESCRIBE_STRUCT(JobExecution, (),
                      (device_id, status, status_details, queued_at, started_at, last_updated_at,
                       execution_number))

struct JobDocument {
  std::string type;
  json::Raw params;
};
BOOST_DESCRIBE_STRUCT(JobDocument, (), (type, params))

/// What a device is told of a job that waits for it.
struct PendingJob {
  std::string job_id;
  std::int64_t execution_number = 1;
  JobDocument document;
  Time queued_at;
  std::optional<Time> expires_at;
};
BOOST_DESCRIBE_STRUCT(PendingJob, (), (job_id, execution_number, document, queued_at, expires_at))

/// One device's part of a job, as the device sees it.
struct DeviceExecution {
  std::string job_id, device_id, status;
  std::optional<json::Raw> status_details;
  std::int64_t execution_number = 1;
  JobDocument document;
  Time queued_at;
  std::optional<Time> started_at, expires_at;
};
BOOST_DESCRIBE_STRUCT(DeviceExecution, (),
                      (job_id, device_id, status, status_details, execution_number, document,
                       queued_at, started_at, expires_at))

/// A job that was made, or why not: `targets` is empty when nobody is meant, `taken` when the id
/// is.
struct MadeJob {
  std::vector<std::string> targets;
  bool taken = false;
  std::optional<Time> expires_at;
  Time created_at;
};
/// `members`: of the target group.
Task<MadeJob> insert_job(tenancy::TenantDb db, std::string tenant_id, std::string job_id,
                         std::string created_by, CreateJob job, std::vector<std::string> members);

struct JobPage {
  std::vector<Job> jobs;
  std::int64_t total = 0;
};
Task<JobPage> jobs_page(tenancy::TenantDb db, std::optional<std::string> status, std::int64_t limit,
                        std::int64_t offset);
Task<std::optional<Job>> find_job(tenancy::TenantDb db, std::string job_id);
/// Those that need attention first: failed, under way, waiting, done.
Task<std::vector<JobExecution>> executions_of(tenancy::TenantDb db, std::string job_id,
                                              std::optional<std::string> status, std::int64_t limit,
                                              std::int64_t offset);
/// Cancels a job under way: what no device has begun is REJECTED. Gives the status that it had;
/// nothing when there is no such job.
Task<std::optional<std::string>> cancel_job(tenancy::TenantDb db, std::string job_id,
                                            std::string reason);

Task<std::vector<PendingJob>> pending_jobs(tenancy::TenantDb db, std::string device_id);
Task<std::optional<DeviceExecution>> find_execution(tenancy::TenantDb db, std::string job_id,
                                                    std::string device_id);
/// Writes the device's progress when the execution still has this number. `changed`: it had;
/// `completed`: and with it the job is done.
struct ExecutionUpdate {
  bool changed = false, completed = false;
};
Task<ExecutionUpdate> update_execution(tenancy::TenantDb db, std::string job_id,
                                       std::string device_id, std::int64_t number,
                                       std::string status,
                                       std::optional<boost::json::object> details);

/// Tells a tenant's open pages that a job moves: at once, then at most once a second while it goes
/// on. Used on one loop.
class JobNews : public std::enable_shared_from_this<JobNews> {
 public:
  JobNews(boost::asio::any_io_executor executor, nats::Client& nats)
      : executor_(std::move(executor)), nats_(nats) {}
  void moved(const std::string& tenant, const std::string& job_id);

 private:
  using Key = std::pair<std::string, std::string>;
  void pause(const Key& key);

  boost::asio::any_io_executor executor_;
  nats::Client& nats_;
  std::map<Key, bool> told_;  ///< within the last second; true: and moved again since
};

/// The jobs that wait for a device that subscribes to jobs/notify.
PendingMessages pending_job_notices(pg::Pool& pool);

/// Every minute: what is past its time is TIMED_OUT, jobs without open executions are COMPLETED,
/// and devices that have not begun are told again, ever more rarely. Of all tenants.
Task<> run_job_upkeep(pg::Pool& pool, nats::Client& nats);

}  // namespace pulse::fleet
