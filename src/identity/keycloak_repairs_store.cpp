#include "identity/keycloak_repairs.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/errors.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::identity {

namespace {
const pg::Scope as_login;  // the login role owns the schema; no tenant scope reaches it
}

Task<Repair> begin_repair(pg::Pool& pool, Repair repair) {
  repair.holder = crypto::random_token(12);
  const auto rows = co_await pool.query(
      as_login, R"sql(
        INSERT INTO identity.repairs AS r (kind, subject, aim, holder, held_until, due_at)
        VALUES ($1, $2, $3::jsonb, $4, now() + make_interval(secs => $5), now())
        ON CONFLICT (kind, subject) DO UPDATE
          SET holder = excluded.holder, held_until = excluded.held_until
          WHERE r.held_until <= now()
        RETURNING kind, subject, aim, holder, attempts
      )sql",
      pg::Params::of(repair.kind, repair.subject, boost::json::serialize(repair.aim), repair.holder,
                     repair_hold_s));
  if (rows.empty()) throw unavailable("The user is being changed; try again", 2);
  co_return pg::row_as<Repair>(rows, 0);
}

Task<> end_repair(pg::Pool& pool, Repair repair) {
  co_await pool.query(
      as_login, "DELETE FROM identity.repairs WHERE kind = $1 AND subject = $2 AND holder = $3",
      pg::Params::of(repair.kind, repair.subject, repair.holder));
}

Task<> postpone_repair(pg::Pool& pool, Repair repair, std::string error) {
  co_await pool.query(as_login, R"sql(
      UPDATE identity.repairs
      SET held_until = now(), attempts = attempts + 1, last_error = left($4, 500),
          due_at = now() + least(interval '1 hour', interval '15 seconds' * (2 ^ least(attempts, 10)))
      WHERE kind = $1 AND subject = $2 AND holder = $3
    )sql",
                      pg::Params::of(repair.kind, repair.subject, repair.holder, error));
}

Task<std::optional<Repair>> due_repair(pg::Pool& pool) {
  const auto holder = crypto::random_token(12);
  const auto rows = co_await pool.query(as_login, R"sql(
        UPDATE identity.repairs r
        SET holder = $1, held_until = now() + make_interval(secs => $2)
        WHERE (kind, subject) IN (
          SELECT kind, subject FROM identity.repairs
          WHERE due_at <= now() AND held_until <= now()
          ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING kind, subject, aim, holder, attempts
      )sql",
                                        pg::Params::of(holder, repair_hold_s));
  co_return pg::first_as<Repair>(rows);
}

}  // namespace pulse::identity
