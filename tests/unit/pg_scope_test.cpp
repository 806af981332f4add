// Scopes and the schema's row-level security: a tenant reaches its rows and nothing else.
#include "pg_fixture.hpp"

namespace pulse::test {
namespace {

using pg::Params;

class PgScope : public PgTest {
 public:
  pg::Pool pool{io.get_executor(), options()};

  void SetUp() override {
    admin(
        "INSERT INTO tenants (tenant_id, name) VALUES ('a', 'A'), ('b', 'B');"
        "INSERT INTO sites (tenant_id, site_id, name) VALUES ('a', 's', 'of a'), ('b', 's', 'of "
        "b');"
        "INSERT INTO telemetry (time, tenant_id, device_id, metrics, received_at, stream_seq) "
        "VALUES (now(), 'a', 'd', '{\"t\": 1}', now(), 1), (now(), 'b', 'd', '{\"t\": 2}', now(), "
        "2)");
  }
  pg::Result as(const pg::Scope& scope, std::string sql, Params params = {}) {
    return await(pool.query(scope, std::move(sql), std::move(params)));
  }
  std::string state_of(const pg::Scope& scope, std::string sql, Params params = {}) {
    try {
      as(scope, std::move(sql), std::move(params));
    } catch (const pg::Error& e) {
      return e.sqlstate;
    }
    return "none";
  }
  const pg::Scope operators{"pulse_operator", {}};
  const pg::Scope readers{"pulse_operator_read", {}};
};

constexpr const char* denied = "42501";

TEST_F(PgScope, a_tenant_sees_its_rows_only) {
  auto r = as(tenant("a"), "SELECT name FROM sites");
  ASSERT_EQ(r.rows(), 1);
  EXPECT_EQ(r.text(0, 0), "of a");
  EXPECT_EQ(as(tenant("b"), "SELECT metrics->>'t' FROM telemetry").text(0, 0), "2");
  EXPECT_EQ(as(tenant("b"), "SELECT count(*) FROM telemetry").int64(0, 0), 1);
  EXPECT_EQ(as(tenant("nobody"), "SELECT count(*) FROM sites").int64(0, 0), 0);
  EXPECT_EQ(as({"pulse_app", {}}, "SELECT count(*) FROM sites").int64(0, 0), 0);
  EXPECT_EQ(as(tenant("a"), "SELECT tenant_id FROM tenants").rows(), 1);
}

TEST_F(PgScope, a_tenant_changes_its_rows_only) {
  EXPECT_EQ(as(tenant("a"), "UPDATE sites SET name = 'x' WHERE tenant_id = 'b'").affected(), 0);
  EXPECT_EQ(as(tenant("a"), "DELETE FROM sites").affected(), 1);
  EXPECT_EQ(state_of(tenant("a"),
                     "INSERT INTO sites (tenant_id, site_id, name) "
                     "VALUES ('b', 'new', 'n')"),
            denied);
  EXPECT_EQ(state_of(tenant("b"), "UPDATE sites SET tenant_id = 'a'"), denied);
  EXPECT_EQ(admin("SELECT name FROM sites WHERE tenant_id = 'b'"), "of b");
}

TEST_F(PgScope, a_scope_ends_with_its_transaction) {
  auto o = options();
  o.max_size = 1;
  pg::Pool one(io.get_executor(), o);
  await(one.query(tenant("a"), "SELECT 1"));
  auto r = await(one.query({}, "SELECT current_user, current_setting('app.tenant_id', true)"));
  EXPECT_EQ(r.text(0, 0), "iot");
  EXPECT_EQ(r.text(0, 1), "");
  EXPECT_THROW(await(one.query(tenant("a"), "SELECT 1 / 0")), pg::Error);
  r = await(one.query({}, "SELECT current_user, current_setting('app.tenant_id', true)"));
  EXPECT_EQ(r.text(0, 0), "iot");
  EXPECT_EQ(r.text(0, 1), "");
  EXPECT_EQ(one.stats().size, 1);
}

TEST_F(PgScope, the_same_prepared_statement_keeps_tenants_apart) {
  auto o = options();
  o.max_size = 1;
  pg::Pool one(io.get_executor(), o);
  for (int i = 0; i < 10; ++i) {
    for (const char* id : {"a", "b"}) {
      const auto r = await(one.query(tenant(id), "SELECT tenant_id FROM sites"));
      ASSERT_EQ(r.rows(), 1);
      EXPECT_EQ(r.text(0, 0), id);
    }
    EXPECT_EQ(await(one.query(operators, "SELECT tenant_id FROM sites")).rows(), 2);
  }
}

TEST_F(PgScope, the_login_role_has_no_rights_of_its_roles) {
  EXPECT_EQ(state_of({}, "SET ROLE postgres"), denied);
  // iot owns the tables, but row-level security is forced, and no policy is for it.
  EXPECT_EQ(as({}, "SELECT count(*) FROM sites").int64(0, 0), 0);
  EXPECT_EQ(as({}, "SELECT count(*) FROM telemetry").int64(0, 0), 0);
}

TEST_F(PgScope, every_table_with_a_tenant_is_protected) {
  EXPECT_EQ(
      admin("SELECT coalesce(string_agg(c.relname, ', '), '') FROM pg_class c "
            "JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public' "
            "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' "
            "WHERE c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"),
      "");
}

TEST_F(PgScope, tenants_do_not_write_what_only_ingest_writes) {
  for (const char* table : {"telemetry", "telemetry_rollup_1m", "telemetry_rollup_1h",
                            "quarantine_events", "quarantine_counters_minute"}) {
    EXPECT_EQ(state_of(tenant("a"), std::string("DELETE FROM ") + table), denied) << table;
    EXPECT_EQ(state_of(tenant("a"), std::string("INSERT INTO ") + table + " DEFAULT VALUES"),
              denied)
        << table;
  }
  EXPECT_EQ(state_of(tenant("a"), "UPDATE telemetry SET metrics = '{}'"), denied);
  EXPECT_EQ(state_of(tenant("a"), "DELETE FROM audit_log"), denied);
  EXPECT_EQ(state_of(tenant("a"), "INSERT INTO tenants (tenant_id, name) VALUES ('a', 'z')"),
            denied);
  EXPECT_EQ(state_of(tenant("a"), "SELECT * FROM identity.users"), denied);
  EXPECT_EQ(state_of(tenant("a"), "SELECT * FROM operator_audit_log"), denied);
  EXPECT_EQ(state_of(tenant("a"), "UPDATE app_settings SET value = 'x'"), denied);
}

TEST_F(PgScope, no_partition_is_a_way_around) {
  const auto names = admin(
      "SELECT string_agg(inhrelid::regclass::text, ',') FROM pg_inherits i "
      "JOIN pg_class p ON p.oid = i.inhparent WHERE p.relname = 'telemetry'");
  std::size_t at = 0, tried = 0;
  while (at < names.size()) {
    const auto end = std::min(names.find(',', at), names.size());
    EXPECT_EQ(state_of(tenant("a"), "SELECT * FROM " + names.substr(at, end - at)), denied);
    at = end + 1;
    ++tried;
  }
  EXPECT_GT(tried, 40u);
}

TEST_F(PgScope, operators_read_all_and_readers_write_nothing) {
  EXPECT_EQ(as(operators, "SELECT count(*) FROM sites").int64(0, 0), 2);
  EXPECT_EQ(as(readers, "SELECT count(*) FROM telemetry").int64(0, 0), 2);
  EXPECT_EQ(as(operators, "UPDATE sites SET name = 'n' WHERE tenant_id = 'b'").affected(), 1);
  EXPECT_EQ(state_of(readers, "UPDATE sites SET name = 'n'"), denied);
  EXPECT_EQ(state_of(readers, "DELETE FROM sites"), denied);
  EXPECT_EQ(as(readers, "INSERT INTO operator_audit_log (user_id, action) VALUES ('u', 'read')")
                .affected(),
            1);
}

TEST_F(PgScope, templates_of_the_system_are_readable_and_not_writable) {
  admin(
      "INSERT INTO device_templates (tenant_id, name, slug, category) "
      "VALUES ('b', 'Own', 'own', 'gateway')");
  EXPECT_GT(as(tenant("a"), "SELECT count(*) FROM device_templates").int64(0, 0), 0);
  EXPECT_EQ(
      as(tenant("a"), "SELECT count(*) FROM device_templates WHERE tenant_id = 'b'").int64(0, 0),
      0);
  EXPECT_EQ(as(tenant("a"), "UPDATE device_templates SET name = 'x'").affected(), 0);
  EXPECT_EQ(as(tenant("a"), "DELETE FROM template_metrics").affected(), 0);
  EXPECT_EQ(as(tenant("b"), "UPDATE device_templates SET name = 'x'").affected(), 1);
}

TEST_F(PgScope, ingest_copies_telemetry_makes_partitions_and_nothing_more) {
  const pg::Scope ingest{"pulse_ingest", {}};
  EXPECT_EQ(as(ingest, "SELECT count(*) FROM telemetry").int64(0, 0), 2);
  as(ingest, "SELECT pulse_make_telemetry_partitions(current_date + 20, current_date + 21)");
  as(ingest, "SELECT pulse_make_telemetry_partitions(current_date + 20, current_date + 21)");
  as(ingest,
     "INSERT INTO telemetry (time, tenant_id, device_id, received_at, stream_seq) "
     "VALUES (now() + interval '20 days', 'a', 'd', now(), 3), "
     "(now() - interval '3 years', 'a', 'd', now(), 4)");
  EXPECT_EQ(as(tenant("a"), "SELECT count(*) FROM telemetry").int64(0, 0), 3);
  EXPECT_EQ(state_of(ingest,
                     "SELECT pulse_make_telemetry_partitions(current_date, "
                     "current_date + 100)"),
            "P0001");
  EXPECT_EQ(state_of(ingest, "DELETE FROM sites"), denied);
  EXPECT_EQ(state_of(ingest, "UPDATE device_registry SET name = 'x'"), denied);
  EXPECT_EQ(state_of(tenant("a"),
                     "SELECT pulse_make_telemetry_partitions(current_date, "
                     "current_date)"),
            denied);
  EXPECT_EQ(state_of(tenant("a"), "SELECT pulse_drop_old_partitions(1)"), denied);
}

TEST_F(PgScope, old_partitions_go_and_newer_ones_stay) {
  const pg::Scope ingest{"pulse_ingest", {}};
  const auto dropped = as(ingest, "SELECT * FROM pulse_drop_old_partitions(30)");
  EXPECT_EQ(dropped.rows(), 10);  // five days of telemetry and of its one-minute rollups
  EXPECT_EQ(as(ingest, "SELECT * FROM pulse_drop_old_partitions(30)").rows(), 0);
  EXPECT_EQ(as(ingest, "SELECT count(*) FROM telemetry").int64(0, 0), 2);
}

TEST_F(PgScope, the_latest_value_is_the_latest_by_its_own_time) {
  const auto r = as({"pulse_ingest", {}},
                    "SELECT state->>'a', state->>'b', state->>'c', times->>'a' FROM "
                    "pulse_merge_state('{\"a\": 1, \"b\": 1}', '{\"a\": 100, \"b\": 100}', "
                    "'{\"a\": 2, \"b\": 2, \"c\": 2}', '{\"a\": 99, \"b\": 101, \"c\": 5}')");
  EXPECT_EQ(r.text(0, 0), "1");
  EXPECT_EQ(r.text(0, 1), "2");
  EXPECT_EQ(r.text(0, 2), "2");
  EXPECT_EQ(r.text(0, 3), "100");
}

}  // namespace
}  // namespace pulse::test
