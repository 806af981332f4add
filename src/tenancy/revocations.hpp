#pragma once
// Access tokens that ended before their time: of a user who was disabled, removed or signed out
// everywhere, or of one session. Each process holds the list, which is short: an entry goes when
// the last token that it concerns has ended by itself.
#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <string>

#include "platform/nats/client.hpp"
#include "platform/pg/pool.hpp"
#include "tenancy/caller.hpp"

namespace pulse::tenancy {

/// Shared by all loops; thread-safe.
class Revocations {
 public:
  Revocations(nats::Client& nats, boost::asio::any_io_executor executor);
  ~Revocations();

  /// True when the caller's token was issued before its user's or session's revocation.
  bool covers(const Caller& caller) const;
  /// Refuses all tokens that the user has by now; durable when it returns.
  Task<> end_user(pg::Pool& pool, std::string user_id);
  /// Refuses all tokens of the session.
  Task<> end_session(pg::Pool& pool, std::string session_id);
  /// Reads the list anew; run it at start and every few seconds, for what NATS did not deliver.
  Task<> refresh(pg::Pool& pool);

 private:
  struct Impl;
  Task<> end(pg::Pool& pool, std::string subject);
  std::shared_ptr<Impl> impl_;
};

}  // namespace pulse::tenancy
