#pragma once
// Inside of platform/nats only: carries work from nats.c's threads to a loop, many items with one wake-up.
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace pulse::nats {

class Mailbox : public std::enable_shared_from_this<Mailbox> {
 public:
  explicit Mailbox(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}
  const boost::asio::any_io_executor& executor() const { return executor_; }

  /// Runs `work` on the executor's thread. `droppable` work is refused beyond the bound.
  bool put(std::function<void()> work, bool droppable = false) {
    {
      const std::lock_guard lock(mutex_);
      if (droppable && items_.size() >= max_items) return false;
      items_.push_back(std::move(work));
      if (scheduled_) return true;
      scheduled_ = true;
    }
    boost::asio::post(executor_, Delivery{shared_from_this()});
    return true;
  }

 private:
  static constexpr std::size_t max_items = 100'000;

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
    scheduled_ = false;
    return items;
  }

  boost::asio::any_io_executor executor_;
  std::mutex mutex_;
  std::vector<std::function<void()>> items_;
  bool scheduled_ = false;
};

}  // namespace pulse::nats
