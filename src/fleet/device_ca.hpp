#pragma once
// The platform's own authority for certificates of devices.
#include <atomic>
#include <boost/asio/thread_pool.hpp>

#include "platform/crypto/x509.hpp"
#include "platform/task.hpp"

namespace pulse::fleet {

/// The authority, and a thread of its own where keys are made. Shared by all loops.
class DeviceCa {
 public:
  explicit DeviceCa(crypto::Authority authority);
  ~DeviceCa();
  const crypto::Authority& authority() const { return authority_; }
  /// A new key pair, made off the caller's loop. Throws HttpError 503 while too many wait.
  Task<crypto::Key> make_key(crypto::KeyType type);

 private:
  crypto::Authority authority_;
  std::atomic<int> waiting_{0};
  boost::asio::thread_pool thread_{1};  // ends first
};

}  // namespace pulse::fleet
