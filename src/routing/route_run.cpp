#include "routing/route_run.hpp"

namespace pulse::routing {

void Lanes::add(HeldMessage message) {
  auto& lane = lanes_[by_device_ ? message.message.device_id : std::string()];
  lane.waiting.push_back(std::move(message));
  ++size_;
}

std::vector<HeldMessage> Lanes::take(std::int64_t now_ms, std::size_t most, std::size_t most_bytes,
                                     std::string& name) {
  std::vector<HeldMessage> out;
  auto at = lanes_.upper_bound(last_);
  for (std::size_t i = 0; i < lanes_.size() && out.empty(); ++i, ++at) {
    if (at == lanes_.end()) at = lanes_.begin();
    auto& lane = at->second;
    if (lane.busy || lane.waiting.empty() || lane.ready_ms > now_ms) continue;
    std::size_t bytes = 0;
    while (!lane.waiting.empty() && out.size() < most) {
      bytes += lane.waiting.front().message.payload.size();
      if (!out.empty() && bytes > most_bytes) break;
      out.push_back(std::move(lane.waiting.front()));
      lane.waiting.pop_front();
    }
    lane.busy = true;
    name = last_ = at->first;
  }
  size_ -= out.size();
  return out;
}

void Lanes::give_back(const std::string& name, std::vector<HeldMessage> messages,
                      std::int64_t ready_ms) {
  const auto at = lanes_.find(name);
  if (at == lanes_.end()) return;
  auto& lane = at->second;
  lane.busy = false;
  lane.ready_ms = ready_ms;
  size_ += messages.size();
  for (auto m = messages.rbegin(); m != messages.rend(); ++m)
    lane.waiting.push_front(std::move(*m));
  if (lane.waiting.empty()) lanes_.erase(at);
}

std::vector<HeldMessage> Lanes::drop_older(std::int64_t before_ms) {
  std::vector<HeldMessage> out;
  for (auto at = lanes_.begin(); at != lanes_.end();) {
    auto& lane = at->second;
    while (!lane.busy && !lane.waiting.empty() && lane.waiting.front().queued_ms < before_ms) {
      out.push_back(std::move(lane.waiting.front()));
      lane.waiting.pop_front();
    }
    at = !lane.busy && lane.waiting.empty() ? lanes_.erase(at) : std::next(at);
  }
  size_ -= out.size();
  return out;
}

std::int64_t Lanes::next_ms() const {
  std::int64_t next = INT64_MAX;
  for (const auto& [name, lane] : lanes_)
    if (!lane.busy && !lane.waiting.empty()) next = std::min(next, lane.ready_ms);
  return next;
}

}  // namespace pulse::routing
