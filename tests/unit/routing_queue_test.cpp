// Routed messages on their way, with a real PostgreSQL and a real NATS: what an outage does to
// them, what is given up, and what is not.
#include "nats_fixture.hpp"
#include "pg_fixture.hpp"
#include "routing/destination.hpp"
#include "routing/queue.hpp"

namespace pulse::routing {
namespace {

class RoutedQueue : public test::NatsTest {
 public:
  std::string conninfo = test::PostgresServer::instance().new_database("routed");
  std::string admin = test::PostgresServer::instance().admin_conninfo(
      conninfo.substr(conninfo.find("dbname=") + 7));
  pg::Pool pool{io.get_executor(), options()};

  pg::PoolOptions options() const {
    pg::PoolOptions out;
    out.conninfo = conninfo;
    return out;
  }
  void SetUp() override { sql("INSERT INTO tenants (tenant_id, name) VALUES ('t', 'T')"); }
  std::string sql(const std::string& statement) { return test::sql(admin, statement); }
  std::int64_t make_route(const std::string& kind = "webhook", const std::string& filter = "a/#",
                          bool enabled = true) {
    return std::stoll(
        sql("INSERT INTO message_routes (tenant_id, name, topic_filter, "
            "destination_type, is_enabled) VALUES ('t', 'r', '" +
            filter + "', '" + kind + "', " + (enabled ? "true" : "false") + ") RETURNING id"));
  }
  std::vector<RoutedMessage> messages(std::int64_t route, int count) const {
    std::vector<RoutedMessage> out;
    for (int i = 1; i <= count; ++i) {
      RoutedMessage m;
      m.tenant_id = "t";
      m.route_id = route;
      m.message_id = "m" + std::to_string(i) + "-r" + std::to_string(route);
      m.topic = "a/b";
      m.device_id = "d";
      m.payload = R"({"n":)" + std::to_string(i) + "}";
      m.received_ms = 1'700'000'000'000 + i;
      out.push_back(std::move(m));
    }
    return out;
  }
  std::string queued() { return sql("SELECT count(*) FROM message_route_queue"); }
  std::string letters() { return sql("SELECT count(*) FROM dead_letter_messages"); }
  void make_stream(nats::Client& nats) {
    nats::StreamConfig stream;
    stream.name = "ROUTES";
    stream.subjects.emplace_back("routes.>");
    stream.work_queue = true;
    await(nats.ensure_stream(stream));
  }
};

TEST_F(RoutedQueue, AnOutageOfNatsMakesNoDeadLettersAndDoublesNothing) {
  const auto nats = client();
  make_stream(*nats);
  const auto route = make_route();
  server.freeze();
  EXPECT_THROW(await(hand_on(*nats, pool, messages(route, 20))), pg::Error);
  EXPECT_EQ(letters(), "0");
  server.resume();
  const auto done = await(hand_on(*nats, pool, messages(route, 20)));
  EXPECT_EQ(done.published, 20U);
  EXPECT_EQ(done.buried, 0U);
  // What was on its way when the server stood still is in the stream once, by its id.
  EXPECT_EQ(await(nats->last_sequence("ROUTES")), 20U);
}

TEST_F(RoutedQueue, WithoutItsStreamNothingBecomesADeadLetter) {
  const auto nats = client();
  const auto route = make_route();
  EXPECT_THROW(await(hand_on(*nats, pool, messages(route, 3))), pg::Error);
  EXPECT_EQ(letters(), "0");
}

TEST_F(RoutedQueue, WhatAFullStreamRefusesIsADeadLetterOnceAndIsNotQueuedLater) {
  const auto nats = client();
  nats::StreamConfig stream;
  stream.name = "ROUTES";
  stream.subjects.emplace_back("routes.>");
  stream.work_queue = true;
  stream.max_bytes = 1'000;
  await(nats->ensure_stream(stream));
  const auto route = make_route();
  const auto first = await(hand_on(*nats, pool, messages(route, 40)));
  EXPECT_GT(first.buried, 0U);
  EXPECT_EQ(letters(), std::to_string(first.buried));
  EXPECT_EQ(
      sql("SELECT string_agg(DISTINCT error_message || source_device_id || received_at::date, ',') "
          "FROM dead_letter_messages"),
      "The queue of routed messages was fulld2023-11-14");
  await(hand_on(*nats, pool, messages(route, 40)));
  EXPECT_EQ(letters(), std::to_string(first.buried));
  await(enqueue(pool, messages(route, 40)));
  EXPECT_EQ(queued(), std::to_string(40 - first.buried));
}

TEST_F(RoutedQueue, RepublishingWithoutNatsIsNoFailureOfTheMessage) {
  const auto nats = client();
  make_stream(*nats);
  const auto route = make_route("mqtt_republish");
  make_route("webhook", "tenant/t/#");
  DestinationTools tools;
  tools.nats = nats.get();
  tools.pool = &pool;
  tools.executor = io.get_executor();
  tools.book = std::make_shared<RouteBook>(*nats, io.get_executor());
  RouteTarget target;
  target.route_id = route;
  target.tenant_id = "t";
  target.type = "mqtt_republish";
  target.topic_filter = "a/#";
  target.config["topic"] = "tenant/{tenant_id}/device/{device_id}/x";
  const auto destination = mqtt_republish_kind.make(tools, target);
  const auto send = [&](std::int64_t fanout) {
    OutgoingMessage m;
    m.message_id = "m1";
    m.device_id = "d";
    m.topic = "a/b";
    m.payload = "{}";
    m.fanout_left = fanout;
    m.received_at = now();
    std::vector<OutgoingMessage> out{m};
    return await(destination->send(out)).front();
  };
  server.freeze();
  const auto away = send(1);
  EXPECT_TRUE(away.ours) << away.error;
  EXPECT_FALSE(away.permanent);
  server.resume();
  EXPECT_TRUE(send(1).ok());
  EXPECT_EQ(await(nats->last_sequence("ROUTES")), 1U);
  const auto cut = send(0);
  EXPECT_TRUE(cut.permanent);
  EXPECT_NE(cut.error.find("100 routes"), std::string::npos) << cut.error;
}

TEST_F(RoutedQueue, WhatNoTextCanHoldIsADeadLetterAllTheSame) {
  const auto route = make_route();
  auto some = messages(route, 3);
  some[1].topic = std::string("a/\0b", 4);
  await(enqueue(pool, some));
  EXPECT_EQ(queued(), "2");
  EXPECT_EQ(letters(), "1");
  // Half a character in an error, and a payload that jsonb does not hold.
  sql("UPDATE message_route_queue SET payload = '{\"n\":1e999999}' WHERE message_id LIKE 'm1-%'");
  std::vector<Undelivered> dead(2);
  dead[0].id = std::stoll(sql("SELECT min(id) FROM message_route_queue"));
  dead[1].id = std::stoll(sql("SELECT max(id) FROM message_route_queue"));
  dead[0].error = dead[1].error = std::string("refused: \xc3") + '\0';
  await(bury(pool, dead));
  EXPECT_EQ(queued(), "0");
  EXPECT_EQ(letters(), "3");
  EXPECT_EQ(sql("SELECT count(*) FROM dead_letter_messages WHERE error_message = "
                "E'refused: \\ufffd\\ufffd'"),
            "2");
}

TEST_F(RoutedQueue, DeadLettersKeepTheMessageAsItCame) {
  const auto route = make_route();
  auto some = messages(route, 1);
  some[0].payload = R"({"b":1.0,"a":"x\u0000y","b2":10e2})";
  some[0].hops = 2;
  some[0].fanout_left = 17;
  await(enqueue(pool, some));
  std::vector<Undelivered> dead(1);
  dead[0].id = std::stoll(sql("SELECT id FROM message_route_queue"));
  dead[0].error = "no";
  await(bury(pool, dead));
  EXPECT_EQ(sql("SELECT payload_text FROM dead_letter_messages"), some[0].payload);
  EXPECT_EQ(sql("SELECT source_device_id || hops || ' ' || fanout_left || ' ' || "
                "extract(epoch FROM received_at) FROM dead_letter_messages"),
            "d2 17 1700000000.001000");
}

TEST_F(RoutedQueue, OnlyWhatNobodyDeliversForIsForgotten) {
  const auto off = make_route("webhook", "a/#", false), on = make_route();
  await(enqueue(pool, messages(off, 3)));
  await(enqueue(pool, messages(on, 3)));
  sql("UPDATE message_route_queue SET created_at = now() - interval '2 days' "
      "WHERE message_id NOT LIKE 'm3-%'");
  EXPECT_EQ(await(bury_forgotten(pool, {on})), 2);
  EXPECT_EQ(sql("SELECT count(*) FROM message_route_queue WHERE route_id = " + std::to_string(on)),
            "3");
  EXPECT_EQ(
      sql("SELECT message_id FROM message_route_queue WHERE route_id = " + std::to_string(off)),
      "m3-r" + std::to_string(off));
}

TEST_F(RoutedQueue, TheNewestBeyondTheBoundAreGivenUp) {
  const auto route = make_route();
  await(enqueue(pool, messages(route, 10)));
  const auto third =
      std::stoll(sql("SELECT id FROM message_route_queue ORDER BY id OFFSET 2 LIMIT 1"));
  EXPECT_EQ(await(bury_beyond(pool, route, third, 4, "full")), 3);
  EXPECT_EQ(sql("SELECT string_agg(message_id, ',' ORDER BY id) FROM dead_letter_messages"),
            "m8-r1,m9-r1,m10-r1");
  const auto all = await(backlogs(pool));
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].messages, 7);
}

TEST_F(RoutedQueue, APageIsNoLargerThanAskedButHasOneMessage) {
  const auto route = make_route();
  auto some = messages(route, 5);
  for (auto& m : some) m.payload = "\"" + std::string(98, 'x') + "\"";
  await(enqueue(pool, some));
  EXPECT_EQ(await(queued_for(pool, route, 0, 500, 250)).size(), 2U);
  EXPECT_EQ(await(queued_for(pool, route, 0, 3, 10'000)).size(), 3U);
  EXPECT_EQ(await(queued_for(pool, route, 0, 500, 0)).size(), 1U);
}

}  // namespace
}  // namespace pulse::routing
