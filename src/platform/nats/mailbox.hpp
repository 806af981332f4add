#pragma once
// Inside of platform/nats only: carries work from nats.c's threads to a loop, many items with one
// wake-up.
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "platform/limits.hpp"

namespace pulse::nats {

class Mailbox : public std::enable_shared_from_this<Mailbox> {
 public:
  explicit Mailbox(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}
  const boost::asio::any_io_executor& executor() const { return executor_; }

  /// Runs `work` on the executor's thread.
  void put(std::function<void()> work) { put(std::move(work), 0, false); }
  /// The same for a message of `bytes`, which is refused when too much waits already.
  bool put_message(std::function<void()> work, std::size_t bytes) {
    return put(std::move(work), bytes, true);
  }

 private:
  bool put(std::function<void()> work, std::size_t bytes, bool droppable) {
    {
      const std::lock_guard lock(mutex_);
      if (droppable &&
          (items_.size() >= limits::nats_incoming || bytes_ + bytes > limits::nats_incoming_bytes))
        return false;
      items_.push_back(std::move(work));
      bytes_ += bytes;
      if (scheduled_) return true;
      scheduled_ = true;
    }
    boost::asio::post(executor_, Delivery{shared_from_this()});
    return true;
  }

  /// What is posted. Destroyed without a run (the loop is gone), it takes the items along: they may
  /// hold coroutines of that loop.
  struct Delivery {
    std::shared_ptr<Mailbox> box;
    explicit Delivery(std::shared_ptr<Mailbox> b) : box(std::move(b)) {}
    Delivery(Delivery&&) noexcept = default;
    ~Delivery() {
      if (box) box->collect();
    }
    void operator()() {
      const auto mine = std::move(box);
      for (auto& item : mine->collect()) item();
    }
  };

  std::vector<std::function<void()>> collect() {
    std::vector<std::function<void()>> items;
    const std::lock_guard lock(mutex_);
    items.swap(items_);
    bytes_ = 0;
    scheduled_ = false;
    return items;
  }

  boost::asio::any_io_executor executor_;
  std::mutex mutex_;
  std::vector<std::function<void()>> items_;
  std::size_t bytes_ = 0;
  bool scheduled_ = false;
};

}  // namespace pulse::nats
