// Jobs as the devices that carry them out see them.
#include "fleet/device_api.hpp"
#include "fleet/device_mounts.hpp"
#include "fleet/jobs.hpp"

namespace pulse::fleet {

namespace {

struct PendingJobs {
  std::vector<PendingJob> jobs;
};
BOOST_DESCRIBE_STRUCT(PendingJobs, (), (jobs))

struct ReportExecution {
  std::string status;
  std::optional<boost::json::object> status_details;
  std::optional<std::int64_t> execution_number;
};
BOOST_DESCRIBE_STRUCT(ReportExecution, (), (status, status_details, execution_number))
inline auto constraints(json::As<ReportExecution>) {
  return json::rules<ReportExecution>()
      .length(&ReportExecution::status, 1, 50)
      .describe(&ReportExecution::status, "IN_PROGRESS, then SUCCEEDED, FAILED or REJECTED")
      .describe(&ReportExecution::execution_number, "The number that the device last saw")
      .check("status_details", [](const ReportExecution& r) {
        return r.status_details && json::to_text(*r.status_details).size() > 16 * 1024
                   ? "must be at most 16 KiB"
                   : "";
      });
}

bool may_go(std::string_view from, std::string_view to) {
  if (from == "QUEUED") return to == "IN_PROGRESS";
  return from == "IN_PROGRESS" && (to == "SUCCEEDED" || to == "FAILED" || to == "REJECTED");
}

Task<PendingJobs> list_pending(DeviceApiDeps d, http::Raw request) {
  const auto caller = co_await device_caller(d, request);
  PendingJobs out;
  out.jobs = co_await pending_jobs(caller.db, caller.device);
  co_return out;
}

Task<DeviceExecution> known_execution(tenancy::TenantDb db, std::string job, std::string device) {
  auto execution = co_await find_execution(db, std::move(job), std::move(device));
  if (!execution) throw not_found("Job execution not found");
  co_return std::move(*execution);
}

Task<DeviceExecution> get_execution(DeviceApiDeps d, http::Raw request,
                                    http::Path<"job_id"> job_id) {
  const auto caller = co_await device_caller(d, request);
  co_return co_await known_execution(caller.db, job_id.value, caller.device);
}

Task<DeviceExecution> put_execution(DeviceApiDeps d, http::Raw request, http::Path<"job_id"> job_id,
                                    http::Body<ReportExecution> body) {
  const auto caller = co_await device_caller(d, request);
  const auto was = co_await known_execution(caller.db, job_id.value, caller.device);
  const auto stale = conflict("Stale execution_number. Current number is " +
                              std::to_string(was.execution_number) + ".");
  if (body->execution_number && *body->execution_number != was.execution_number) throw stale;
  if (!may_go(was.status, body->status))
    throw bad_request("Cannot transition from " + was.status + " to " + body->status);
  const auto update =
      co_await update_execution(caller.db, job_id.value, caller.device, was.execution_number,
                                body->status, body->status_details);
  // Somebody else reported meanwhile, or the job was canceled.
  if (!update.changed) throw stale;
  if (update.completed)
    d.nats->publish("live." + caller.tenant, R"({"type":"changed","what":"jobs"})");
  else
    d.job_news->moved(caller.tenant, job_id.value);
  co_return co_await known_execution(caller.db, job_id.value, caller.device);
}

}  // namespace

void mount_device_jobs(http::Router& api, const DeviceApiDeps& d) {
  by_device(api.get("/device/v1/jobs/pending", http::bound(d, list_pending)))
      .tag("Device API")
      .summary("Jobs that wait for the device, oldest first, at most 10");
  const std::string one = "/device/v1/jobs/{job_id}/execution";
  by_device(api.get(one, http::bound(d, get_execution)))
      .tag("Device API")
      .summary("The device's part of a job")
      .fails(404, "Job execution not found");
  by_device(api.put(one, http::bound(d, put_execution)))
      .tag("Device API")
      .summary("Report how far the device is with a job")
      .description(
          "QUEUED becomes IN_PROGRESS, and that SUCCEEDED, FAILED or REJECTED. Each report raises "
          "the execution's number; one that names an older number is refused.")
      .fails(400, "Cannot transition from QUEUED to SUCCEEDED")
      .fails(404, "Job execution not found")
      .fails(409, "Stale execution_number. Current number is 2.")
      .example({{"status", "IN_PROGRESS"}, {"execution_number", 1}});
}

}  // namespace pulse::fleet
