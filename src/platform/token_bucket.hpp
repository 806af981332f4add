#pragma once
// Token buckets by key: bounded, thread-safe, no timers.
#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "platform/clock.hpp"

namespace pulse {

/// What a bucket allows: `per_second` on average, `burst` at once.
struct Rate {
  double per_second = 0, burst = 0;
};

class TokenBuckets {
 public:
  /// At most `capacity` keys; beyond it full buckets are forgotten first (which changes nothing).
  explicit TokenBuckets(std::size_t capacity) : capacity_(capacity / shards + 1) {}

  /// What a take found: 0 ms when the tokens were there, else the time until they will be (nothing
  /// is taken then); and what is left.
  struct Taken {
    std::int64_t wait_ms = 0;
    double left = 0;
  };
  /// Takes `n` tokens. Returns 0 when they were there, else the milliseconds until they will be.
  std::int64_t take(std::string_view key, Rate rate, double n = 1) {
    return take_counted(key, rate, n).wait_ms;
  }
  Taken take_counted(std::string_view key, Rate rate, double n = 1) {
    auto& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    auto& b = filled(shard, key, rate);
    if (b.tokens >= n) {
      b.tokens -= n;
      return {0, b.tokens};
    }
    return {static_cast<std::int64_t>((n - b.tokens) / std::max(rate.per_second, 1e-9) * 1000) + 1,
            b.tokens};
  }

  /// How many tokens there are, all of `rate.burst` for a key that was never asked for.
  double left(std::string_view key, Rate rate) const {
    auto& shard = shards_[std::hash<std::string_view>()(key) % shards];
    const std::lock_guard lock(shard.mutex);
    const auto it = shard.buckets.find(std::string(key));
    if (it == shard.buckets.end()) return rate.burst;
    const auto& b = it->second;
    return std::min(rate.burst,
                    b.tokens + static_cast<double>(steady_us() - b.at_us) * rate.per_second / 1e6);
  }

  /// What a reservation found. `taken`: the tokens are the caller's in `wait_us` from now.
  /// Otherwise too many are owed already, and to ask again makes sense after `wait_us`.
  struct Reserved {
    bool taken = true;
    std::int64_t wait_us = 0;
  };
  /// Takes `n` tokens even if they are yet to come, as long as the bucket owes no more than `debt`
  /// then. So each caller waits once, and callers go on in the order they came.
  Reserved reserve(std::string_view key, Rate rate, double debt, double n = 1) {
    auto& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    auto& b = filled(shard, key, rate);
    const bool taken = b.tokens - n >= -debt;
    const double missing = taken ? n - b.tokens : n - b.tokens - debt;
    if (taken) b.tokens -= n;
    if (missing <= 0) return {};
    return {taken, static_cast<std::int64_t>(missing / std::max(rate.per_second, 1e-9) * 1e6) + 1};
  }
  /// Undoes a take or a reservation.
  void give_back(std::string_view key, Rate rate, double n = 1) {
    auto& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    auto& b = filled(shard, key, rate);
    b.tokens = std::min(rate.burst, b.tokens + n);
  }

  std::size_t size() const {
    std::size_t n = 0;
    for (auto& s : shards_) {
      const std::lock_guard lock(s.mutex);
      n += s.buckets.size();
    }
    return n;
  }

 private:
  static constexpr std::size_t shards = 16;
  struct Bucket {
    double tokens;
    std::int64_t at_us;
    Rate rate;  ///< by which it was last asked for
  };
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<std::string, Bucket> buckets;
  };
  Shard& shard_of(std::string_view key) {
    return shards_[std::hash<std::string_view>()(key) % shards];
  }
  /// The bucket as it is now; the shard's mutex is held.
  Bucket& filled(Shard& shard, std::string_view key, Rate rate) {
    const auto now = steady_us();
    auto it = shard.buckets.find(std::string(key));
    if (it == shard.buckets.end()) {
      if (shard.buckets.size() >= capacity_) make_room(shard, now);
      it = shard.buckets.emplace(std::string(key), Bucket{rate.burst, now, rate}).first;
    }
    auto& b = it->second;
    b.tokens =
        std::min(rate.burst, b.tokens + static_cast<double>(now - b.at_us) * rate.per_second / 1e6);
    b.at_us = now;
    b.rate = rate;
    return b;
  }
  void make_room(Shard& shard, std::int64_t now) {
    std::erase_if(shard.buckets, [&](const auto& e) {
      const auto& b = e.second;
      return b.tokens + static_cast<double>(now - b.at_us) * b.rate.per_second / 1e6 >=
             b.rate.burst;
    });
    if (shard.buckets.size() >= capacity_) shard.buckets.erase(shard.buckets.begin());
  }
  std::size_t capacity_;
  std::array<Shard, shards> shards_;
};

}  // namespace pulse
