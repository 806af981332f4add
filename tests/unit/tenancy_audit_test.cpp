// The audit log's buffer: what is recorded is stored when that returns, however many come at once.
#include <boost/asio/detached.hpp>

#include "pg_fixture.hpp"
#include "tenancy/audit.hpp"

namespace pulse::test {
namespace {

class AuditBuffer : public PgTest {
 public:
  pg::Pool pool{io.get_executor(), options()};

  static tenancy::AuditEvent event(int n) {
    tenancy::AuditEvent e;
    e.event_type = "test.event";
    e.category = "security";
    e.action = "test";
    e.entity_id = std::to_string(n);
    return e;
  }
  bool stored(int n) {
    return admin("SELECT count(*) FROM audit_log WHERE entity_id = '" + std::to_string(n) + "'") ==
           "1";
  }
};

TEST_F(AuditBuffer, what_is_recorded_is_stored_also_while_others_record) {
  tenancy::AuditLog log(io.get_executor(), pool, "test", 60'000);
  int done = 0, missing = 0;
  for (int n = 0; n < 50; ++n)
    boost::asio::co_spawn(
        io,
        [](AuditBuffer& f, tenancy::AuditLog& log, int n, int& done, int& missing) -> Task<> {
          co_await log.record(AuditBuffer::event(n));
          if (!f.stored(n)) ++missing;
          ++done;
        }(*this, log, n, done, missing),
        boost::asio::detached);
  await([](int& done) -> Task<> {
    while (done < 50) co_await sleep_ms(5);
  }(done));
  EXPECT_EQ(missing, 0);
}

TEST_F(AuditBuffer, a_flush_waits_for_the_batch_under_way) {
  tenancy::AuditLog log(io.get_executor(), pool, "test", 60'000);
  await([](AuditBuffer& f, tenancy::AuditLog& log) -> Task<> {
    boost::asio::co_spawn(
        f.io, [](tenancy::AuditLog& l) -> Task<> { co_await l.record(event(1)); }(log),
        boost::asio::detached);
    co_await sleep_ms(0);  // its batch has left the buffer
    co_await log.flush();
    EXPECT_TRUE(f.stored(1));
  }(*this, log));
}

TEST_F(AuditBuffer, while_postgresql_refuses_events_stay_and_are_stored_later) {
  admin("REVOKE INSERT ON audit_log FROM pulse_ingest");
  tenancy::AuditLog log(io.get_executor(), pool, "test", 60'000);
  await([](AuditBuffer& f, tenancy::AuditLog& log) -> Task<> {
    int done = 0;
    for (int n = 0; n < 5; ++n)
      boost::asio::co_spawn(
          f.io,
          [](tenancy::AuditLog& l, int k, int& d) -> Task<> {
            co_await l.record(event(k));
            ++d;
          }(log, n, done),
          boost::asio::detached);
    while (done < 5) co_await sleep_ms(5);
    EXPECT_FALSE(f.stored(0));
    f.admin("GRANT INSERT ON audit_log TO pulse_ingest");
    co_await log.flush();
    for (int n = 0; n < 5; ++n) EXPECT_TRUE(f.stored(n));
  }(*this, log));
}

}  // namespace
}  // namespace pulse::test
