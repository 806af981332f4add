#include "simulator/report.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <boost/json.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>

namespace pulse::simulator {

void Histogram::add(std::int64_t us) {
  const auto value = static_cast<std::uint64_t>(std::clamp<std::int64_t>(us, 0, 1'000'000'000));
  max_ = std::max(max_, static_cast<std::int64_t>(value));
  ++count_;
  // The leading bit and the `sub_bits` after it.
  const int shift = std::max(0, static_cast<int>(std::bit_width(value)) - sub_bits - 1);
  const auto index = (static_cast<std::size_t>(shift) << sub_bits) + (value >> shift);
  ++buckets_[std::min(index, buckets_.size() - 1)];
}

std::int64_t Histogram::quantile(double q) const {
  if (count_ == 0) return 0;
  const auto wanted =
      std::max<std::uint64_t>(1, static_cast<std::uint64_t>(q * static_cast<double>(count_) + 0.5));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen < wanted) continue;
    const std::size_t block = i >> sub_bits;
    const std::size_t shift = block == 0 ? 0 : block - 1;
    const auto upper = ((i - (shift << sub_bits) + 1) << shift) - 1;
    return std::min(static_cast<std::int64_t>(upper), max_);
  }
  return max_;
}

void Counts::refuse(const std::string& reason, std::uint64_t n) {
  const bool known = refused.contains(reason);
  refused[known || refused.size() < 100 ? reason : "other"] += n;
}

std::uint64_t Counts::refused_in_all() const {
  std::uint64_t sum = 0;
  for (const auto& [reason, n] : refused) sum += n;
  return sum;
}

std::string Report::text() const {
  const auto ms = [&](double q) { return static_cast<double>(latency.quantile(q)) / 1'000.0; };
  char line[512];
  std::snprintf(line, sizeof line,
                "ran            %.1f s\n"
                "sent           %llu (%llu again)\n"
                "acknowledged   %llu (%.0f/s)\n",
                seconds, static_cast<unsigned long long>(counts.sent),
                static_cast<unsigned long long>(counts.resent),
                static_cast<unsigned long long>(counts.acknowledged),
                static_cast<double>(counts.acknowledged) / std::max(seconds, 1e-3));
  std::string out = line;
  const auto row = [&](const char* name, std::uint64_t n) {
    if (n == 0) return;
    std::snprintf(line, sizeof line, "%-14s %llu\n", name, static_cast<unsigned long long>(n));
    out += line;
  };
  row("unconfirmed", counts.unconfirmed);
  row("twin applied", counts.desired_applied);
  row("commands done", counts.commands_done);
  row("commands failed", counts.commands_failed);
  row("updates done", counts.updates_done);
  row("updates failed", counts.updates_failed);
  row("malformed", counts.malformed_sent);
  row("  taken", counts.malformed_acknowledged);
  row("no answer", counts.abandoned);
  row("reconnects", counts.reconnects);
  std::snprintf(line, sizeof line, "refused        %llu\n",
                static_cast<unsigned long long>(counts.refused_in_all()));
  out += line;
  for (const auto& [reason, n] : counts.refused) row(("  " + reason).c_str(), n);
  std::snprintf(line, sizeof line,
                "latency        p50 %.1f ms, p90 %.1f ms, p99 %.1f ms, max %.1f ms\n", ms(0.5),
                ms(0.9), ms(0.99), static_cast<double>(latency.max()) / 1'000.0);
  return out + line;
}

std::string Report::json() const {
  const auto ms = [&](double q) { return static_cast<double>(latency.quantile(q)) / 1'000.0; };
  boost::json::object refused;
  for (const auto& [reason, n] : counts.refused) refused[reason] = n;
  const boost::json::object out{
      {"seconds", seconds},
      {"sent", counts.sent},
      {"resent", counts.resent},
      {"acknowledged", counts.acknowledged},
      {"unconfirmed", counts.unconfirmed},
      {"desired_applied", counts.desired_applied},
      {"commands_done", counts.commands_done},
      {"commands_failed", counts.commands_failed},
      {"updates_done", counts.updates_done},
      {"updates_failed", counts.updates_failed},
      {"malformed_sent", counts.malformed_sent},
      {"malformed_acknowledged", counts.malformed_acknowledged},
      {"unanswered", counts.abandoned},
      {"reconnects", counts.reconnects},
      {"refused", refused},
      {"rate", static_cast<double>(counts.acknowledged) / std::max(seconds, 1e-3)},
      {"latency_ms", boost::json::object{{"p50", ms(0.5)},
                                         {"p90", ms(0.9)},
                                         {"p99", ms(0.99)},
                                         {"max", static_cast<double>(latency.max()) / 1'000.0}}}};
  return boost::json::serialize(out) + "\n";
}

AckedLog::AckedLog(const std::string& path) {
  if (path.empty()) return;
  file_ = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (file_ < 0) throw std::runtime_error("--acked-log: " + path + ": " + std::strerror(errno));
}

AckedLog::~AckedLog() {
  if (file_ >= 0) ::close(file_);
}

void AckedLog::add(const std::string& lines) {
  for (std::size_t done = 0; file_ >= 0 && done < lines.size();) {
    const auto n = ::write(file_, lines.data() + done, lines.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw std::runtime_error(std::string("--acked-log: ") + std::strerror(errno));
    done += static_cast<std::size_t>(n);
  }
}

}  // namespace pulse::simulator
