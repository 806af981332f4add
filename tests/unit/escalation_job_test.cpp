// Escalations while the directory of people can't be asked, and by what people are told.
#include "alerting/escalation_job.hpp"

#include "alerting/escalation_webhooks.hpp"
#include "alerting/notifications/direct.hpp"
#include "await.hpp"
#include "pg_fixture.hpp"
#include "platform/errors.hpp"

namespace pulse::test {
namespace {

using alerting::OncallPerson;

class EscalationTest : public PgTest {
 public:
  pg::Pool pool{io.get_executor(), options()};
  nats::Client nats{nats::Options{"nats://127.0.0.1:1", "nobody"}};
  metrics::Registry metrics;
  alerting::EscalationJob job;
  bool away = false;
  int asked = 0;

  EscalationTest() {
    admin(R"sql(
      INSERT INTO tenants (tenant_id, name) VALUES ('t', 'T'), ('u', 'U');
      INSERT INTO oncall_schedules (tenant_id, name) VALUES ('t', 'Night');
      INSERT INTO oncall_layers (tenant_id, schedule_id, responders) SELECT tenant_id, schedule_id,
        '["ada"]' FROM oncall_schedules;
    )sql");
    job.pool = &pool;
    job.nats = &nats;
    job.metrics = &metrics;
    job.person_of = [this](std::string tenant, std::string name) {
      return person(std::move(tenant), std::move(name));
    };
  }
  ~EscalationTest() override { pool.close(); }

  Task<std::optional<OncallPerson>> person(std::string tenant, std::string name) {
    ++asked;
    if (away) throw HttpError(503, "Directory unavailable");
    if (tenant != "t" || name != "ada") co_return std::nullopt;
    OncallPerson found;
    found.user_id = "ada-id";
    found.email = "ada@t.example";
    co_return found;
  }

  /// A policy with one level, and an alert that has come to it.
  void due(const std::string& fingerprint, const std::string& columns, const std::string& values) {
    admin("WITH p AS (INSERT INTO escalation_policies (tenant_id, name) VALUES ('t', '" +
          fingerprint +
          "') RETURNING *), l AS (INSERT INTO escalation_levels (tenant_id, policy_id, "
          "level_number, delay_minutes" +
          columns + ") SELECT 't', policy_id, 1, 5" + values +
          " FROM p) INSERT INTO fleet_alert (tenant_id, site_id, device_id, alert_type, "
          "fingerprint, severity, summary, escalation_policy_id, next_escalation_at) "
          "SELECT 't', '', 'd', 'T', '" +
          fingerprint + "', 3, 'x', policy_id, now() FROM p");
  }
  std::string jobs(const std::string& fingerprint) {
    return admin(
        "SELECT coalesce(string_agg(concat_ws(' ', target ->> 'kind', target ->> 'address', "
        "'channel' || channel_id, j.status), ', ' ORDER BY job_id), '') FROM notification_jobs j "
        "JOIN fleet_alert a ON a.id = j.alert_id WHERE a.fingerprint = '" +
        fingerprint + "'");
  }
};

const std::string on_call = ", oncall_schedule_id",
                  night = ", (SELECT schedule_id FROM oncall_schedules)";

TEST_F(EscalationTest, AnOutageOfTheDirectoryHoldsUpOnlyTheMessagesToItsPeople) {
  due("email", ", notify_email", ", 'shift@t.example'");
  due("both", ", notify_email" + on_call, ", 'shift@t.example'" + night);
  due("person", on_call, night);
  away = true;
  EXPECT_EQ(await(alerting::escalate_alerts(job)), 3);
  EXPECT_EQ(jobs("email"), "email shift@t.example PENDING");
  EXPECT_EQ(jobs("both"), "email shift@t.example PENDING, person ada PENDING");
  EXPECT_EQ(jobs("person"), "person ada PENDING");
  EXPECT_EQ(asked, 1) << "what is away is asked once in a round";
  EXPECT_EQ(admin("SELECT count(*) FROM alert_events WHERE event = 'ESCALATED'"), "3");
  // It stays away for another round, and is back in the third.
  await(alerting::escalate_alerts(job));
  EXPECT_EQ(jobs("person"), "person ada PENDING");
  away = false;
  await(alerting::escalate_alerts(job));
  EXPECT_EQ(jobs("person"), "email ada@t.example PENDING");
  EXPECT_EQ(jobs("both"), "email shift@t.example PENDING, email ada@t.example PENDING");
  EXPECT_EQ(admin("SELECT count(*) FROM alert_events WHERE event = 'ESCALATED'"), "3");
}

TEST_F(EscalationTest, WhoIsNobodyAfterAllIsSaidSo) {
  admin("UPDATE oncall_layers SET responders = '[\"eve\"]'");
  due("eve", on_call, night);
  away = true;
  await(alerting::escalate_alerts(job));
  EXPECT_EQ(jobs("eve"), "person eve PENDING");
  away = false;
  await(alerting::escalate_alerts(job));
  EXPECT_EQ(jobs("eve"), "person eve FAILED");
  EXPECT_EQ(admin("SELECT last_error FROM notification_jobs"), "has no email address here");
  EXPECT_NE(metrics.text().find("pulse_escalations_untold_total 1"), std::string::npos);
}

TEST_F(EscalationTest, APersonIsToldByTheirOwnChannels) {
  admin(R"sql(
    INSERT INTO notification_channels (tenant_id, name, channel_type, sealed_config, is_enabled)
      VALUES ('t', 'Hers', 'slack', '', true), ('t', 'Off', 'slack', '', false),
             ('u', 'Theirs', 'slack', '', true), ('t', 'Also hers', 'webhook', '', true);
    INSERT INTO user_preferences (tenant_id, user_id, notification_prefs)
      SELECT 't', 'ada-id', jsonb_build_object('oncall_channel_ids', jsonb_agg(channel_id))
      FROM notification_channels;
  )sql");
  due("now", on_call, night);
  await(alerting::escalate_alerts(job));
  const std::string hers = "channel1 PENDING, channel4 PENDING";
  EXPECT_EQ(jobs("now"), hers);
  EXPECT_EQ(admin("SELECT details -> 'targets' -> 0 ->> 'channels' FROM alert_events"),
            R"(["Hers", "Also hers"])");
  away = true;
  due("later", on_call, night);
  await(alerting::escalate_alerts(job));
  EXPECT_EQ(jobs("later"), "person ada PENDING");
  away = false;
  await(alerting::escalate_alerts(job));
  EXPECT_EQ(jobs("later"), hers);
  // By email where none of them is left.
  admin("UPDATE notification_channels SET is_enabled = false");
  due("last", on_call, night);
  await(alerting::escalate_alerts(job));
  EXPECT_EQ(jobs("last"), "email ada@t.example PENDING");
}

TEST_F(EscalationTest, WebhooksOfBeforeAreSealed) {
  admin(R"sql(
    INSERT INTO escalation_policies (tenant_id, name) VALUES ('t', 'P');
    INSERT INTO escalation_levels (tenant_id, policy_id, level_number, delay_minutes,
                                   notify_webhook, sealed_webhook)
      SELECT 't', policy_id, n, 5, url, sealed FROM escalation_policies, (VALUES
        (1, 'https://h.example/hook?key=1', NULL), (2, 'https://h.example/', NULL),
        (3, 'https://h.example/***', 'sealed before'), (4, NULL, NULL)) AS v (n, url, sealed);
  )sql");
  const auto stored = [&](int n, const char* column) {
    return admin("SELECT coalesce(" + std::string(column) +
                 ", '-') FROM escalation_levels WHERE level_number = " + std::to_string(n));
  };
  const crypto::Sealer without_key({}), sealer({std::string(64, 'a')});
  EXPECT_EQ(await(alerting::seal_older_webhooks(pool, without_key)), 0);
  EXPECT_EQ(await(alerting::seal_older_webhooks(pool, sealer)), 1);
  EXPECT_EQ(stored(1, "notify_webhook"), "https://h.example/***");
  EXPECT_EQ(alerting::notifications::open_webhook(sealer, "t", stored(1, "sealed_webhook")),
            "https://h.example/hook?key=1");
  EXPECT_EQ(stored(2, "notify_webhook") + stored(2, "sealed_webhook"), "https://h.example/-");
  EXPECT_EQ(stored(3, "sealed_webhook"), "sealed before");
  EXPECT_EQ(await(alerting::seal_older_webhooks(pool, sealer)), 0);
}

}  // namespace
}  // namespace pulse::test
