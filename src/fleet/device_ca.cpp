#include "fleet/device_ca.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "platform/errors.hpp"

namespace pulse::fleet {

namespace {

/// An RSA key takes a tenth of a second and more: who would wait for many seconds comes again.
constexpr int most_waiting = 16;

Task<crypto::Key> made(crypto::KeyType type) { co_return crypto::make_key(type); }

struct Place {
  explicit Place(std::atomic<int>& taken) : taken_(taken), number(++taken) {}
  Place(const Place&) = delete;
  ~Place() { --taken_; }
  std::atomic<int>& taken_;
  const int number;
};

}  // namespace

DeviceCa::DeviceCa(crypto::Authority authority) : authority_(std::move(authority)) {}

DeviceCa::~DeviceCa() {
  thread_.stop();
  thread_.join();
}

Task<crypto::Key> DeviceCa::make_key(crypto::KeyType type) {
  const Place place(waiting_);
  if (place.number > most_waiting) throw unavailable("Too many keys are being made");
  co_return co_await boost::asio::co_spawn(thread_.get_executor(), made(type),
                                           boost::asio::use_awaitable);
}

}  // namespace pulse::fleet
