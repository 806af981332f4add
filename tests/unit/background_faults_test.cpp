// Work that goes on for ever goes on after whatever was thrown: the look-up of devices, the ingest
// worker.
#include <boost/asio/detached.hpp>

#include "fleet/device_auth.hpp"
#include "nats_fixture.hpp"
#include "pg_fixture.hpp"
#include "platform/clock.hpp"
#include "telemetry/ingest_worker.hpp"

namespace pulse::test {
namespace {

TEST(BackgroundFaults, ALookUpThatFailsInAnyWayIsToldToAllWhoWait) {
  auto& server = PostgresServer::instance();
  const auto database = server.new_database("lookup");
  // Rows that the look-up can't read: ids of tokens that are no text.
  sql(server.admin_conninfo(database.substr(database.rfind('=') + 1)), R"sql(
    ALTER TABLE device_api_tokens RENAME TO kept_tokens;
    CREATE VIEW device_api_tokens AS
      SELECT 7 AS id, r.tenant_id, r.device_id, 'hash'::text AS token_hash,
             NULL::timestamptz AS revoked_at, NULL::timestamptz AS expires_at
      FROM device_registry r;
    GRANT SELECT ON device_api_tokens TO pulse_ingest;
    INSERT INTO tenants (tenant_id, name) VALUES ('t', 'T');
    INSERT INTO sites (tenant_id, site_id, name) VALUES ('t', 's', 'S');
    INSERT INTO device_registry (tenant_id, device_id, site_id, status)
      VALUES ('t', 'd1', 's', 'ACTIVE'), ('t', 'd2', 's', 'ACTIVE');
  )sql");
  boost::asio::io_context io{1};
  pg::PoolOptions options;
  options.conninfo = database;
  pg::Pool pool(io.get_executor(), options);
  nats::Client nats(nats::Options{"nats://127.0.0.1:1", "nobody"});
  auto auth =
      std::make_shared<fleet::DeviceAuth>(nats, io.get_executor(), fleet::DeviceAuthOptions{});
  fleet::DeviceLookup lookup(auth, pool, io.get_executor());
  int failed = 0;
  for (int turn = 1; turn <= 2; ++turn) {
    for (const auto* device : {"d1", "d2"})
      boost::asio::co_spawn(
          io, lookup.find("t", device),
          [&](std::exception_ptr e, fleet::Credentials) { failed += e != nullptr; });
    EXPECT_TRUE(await(io, eventually([&] { return failed == 2 * turn; })));
  }
  pool.close();
}

/// A NATS server without JetStream, whose API this test answers.
class FakeJetStream : public ::testing::Test {
 public:
  ScratchDirectory scratch{"pulse-nats"};
  int port = free_port();
  ServerProcess server{{"/usr/sbin/nats-server", "-a", "127.0.0.1", "-p", std::to_string(port)},
                       "",
                       scratch.path() + "/log",
                       SIGKILL};
  boost::asio::io_context io{1};
  nats::Client nats{nats::Options{"nats://127.0.0.1:" + std::to_string(port), "test"}};
};

TEST_F(FakeJetStream, TheIngestWorkerSurvivesAnswersThatItCannotRead) {
  ASSERT_TRUE(await(io, eventually([&] { return nats.connected(); })));
  int pulls = 0, infos = 0;
  auto api = nats.subscribe("$JS.API.>", "", io.get_executor(), [&](nats::Message m) {
    if (m.subject.find(".MSG.NEXT.") != std::string::npos) {
      ++pulls;
    } else if (m.subject.find("CONSUMER.INFO") != std::string::npos) {
      ++infos;
      nats.publish(m.reply, "{\"ack_floor\":\"nonsense\"}");
    } else if (m.subject.find("STREAM.INFO") != std::string::npos) {
      nats.publish(m.reply, "{\"error\":{\"err_code\":10059,\"description\":\"not found\"}}");
    } else {
      nats.publish(m.reply, "{}");
    }
  });
  pg::PoolOptions options;
  options.conninfo = PostgresServer::instance().conninfo();
  pg::Pool pool(io.get_executor(), options);
  telemetry::IngestSettings settings;
  settings.keep_processed_s = 1;
  telemetry::IngestWorker worker(io.get_executor(), pool, nats, settings);
  bool over = false;
  boost::asio::co_spawn(io, worker.run(), [&](std::exception_ptr e) {
    over = true;
    EXPECT_FALSE(e);
  });
  ASSERT_TRUE(await(io, eventually([&] { return infos >= 1 || over; })));
  const int before = pulls;
  EXPECT_TRUE(await(io, eventually([&] { return infos >= 2 && pulls > before; })));
  EXPECT_FALSE(over);
  worker.stop();
  EXPECT_TRUE(await(io, eventually([&] { return over; })));
  pool.close();
}

class Backlog : public NatsTest {};

TEST_F(Backlog, IsStoredInLargeBatches) {
  auto& postgres = PostgresServer::instance();
  pg::PoolOptions options;
  options.conninfo = postgres.new_database("backlog");
  sql(postgres.admin_conninfo(options.conninfo.substr(options.conninfo.rfind('=') + 1)), R"sql(
    INSERT INTO tenants (tenant_id, name) VALUES ('t', 'T');
    INSERT INTO sites (tenant_id, site_id, name) VALUES ('t', 's', 'S');
    INSERT INTO device_registry (tenant_id, device_id, site_id, status)
      VALUES ('t', 'd', 's', 'ACTIVE');
    UPDATE app_settings SET value = '1000000' WHERE key IN ('RATE_LIMIT_RPS', 'RATE_LIMIT_BURST');
  )sql");
  pg::Pool pool(io.get_executor(), options);
  const auto nats = client();
  const telemetry::IngestSettings settings;
  await(telemetry::ensure_streams(*nats, settings));
  constexpr int count = 10'000;
  int published = 0;
  for (int i = 0; i < count; ++i)
    nats->publish_acked("telemetry.t",
                        R"({"topic":"tenant/t/device/d/telemetry","tenant_id":"t","device_id":"d",)"
                        R"("msg_type":"telemetry","ts":)" +
                            std::to_string(now_ms()) + R"(,"payload":{"seq":)" + std::to_string(i) +
                            R"(,"metrics":{"t":1}}})",
                        {}, 30'000, io.get_executor(),
                        [&](nats::PublishResult r) { published += r.ok(); });
  ASSERT_TRUE(await(eventually([&] { return published == count; })));
  telemetry::IngestWorker worker(io.get_executor(), pool, *nats, settings);
  bool over = false;
  boost::asio::co_spawn(io, worker.run(), [&](std::exception_ptr e) {
    over = true;
    EXPECT_FALSE(e);
  });
  const auto& stats = worker.stats();
  ASSERT_TRUE(await(eventually([&] { return stats.stored + stats.refused == count; })));
  // Batches that don't grow would be one for each 500.
  EXPECT_LT(stats.batches, count / settings.batch_size);
  worker.stop();
  EXPECT_TRUE(await(eventually([&] { return over; })));
  pool.close();
}

}  // namespace
}  // namespace pulse::test
