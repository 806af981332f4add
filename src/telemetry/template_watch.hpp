#pragma once
// What the messages of a batch break of their devices' templates: noticed, never refused. No I/O
// here.
#include <array>
#include <optional>
#include <unordered_map>
#include <vector>

#include "fleet/registry_cache.hpp"
#include "platform/pg/types.hpp"
#include "telemetry/envelope.hpp"

namespace pulse::telemetry {

class TemplateWatch {
 public:
  /// A message that will be stored. Its views must live as long as this.
  void look_at(const fleet::DeviceFacts& device, std::string_view msg_type,
               std::int64_t received_ms, const std::vector<Reading>& readings);

  struct Row {
    const fleet::DeviceFacts* device = nullptr;
    fleet::TemplateFaults faults;  ///< with those that earlier batches counted
    std::int64_t seen_ms = 0;      ///< of the device's newest message
    bool due = false;              ///< a minute has passed since its row was written
  };
  /// Devices that have something to tell, in the order in which rows are locked.
  std::vector<Row> rows() const;
  /// What stores the rows that are due: one statement for all. Nothing: none is.
  std::optional<std::pair<std::string, pg::Params>> statement() const;
  /// Faults of this batch, by MetricProblem.
  const std::array<std::uint64_t, 5>& counts() const { return counts_; }

 private:
  struct Seen {
    std::int64_t seen_ms = 0, fault_ms = 0, count = 0;
    const fleet::MetricRule* rule = nullptr;  // of the last fault
    fleet::MetricProblem problem = fleet::MetricProblem::none;
    const boost::json::value* value = nullptr;
  };
  void note(Seen& seen, const fleet::MetricRule& rule, fleet::MetricProblem problem,
            const boost::json::value* value);
  std::unordered_map<const fleet::DeviceFacts*, Seen> devices_;
  std::array<std::uint64_t, 5> counts_{};
};

}  // namespace pulse::telemetry
