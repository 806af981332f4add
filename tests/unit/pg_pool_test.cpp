// The pool against a real server: scopes, transactions, bounds.
#include "pg_fixture.hpp"

namespace pulse::test {
namespace {

using pg::Params;

class PgPool : public PgTest {};

TEST_F(PgPool, answers_a_query) {
  pg::Pool pool(io.get_executor(), options());
  const auto r = await(pool.query({}, "SELECT $1::int + 1 AS n", Params::of(41)));
  ASSERT_EQ(r.rows(), 1);
  EXPECT_EQ(r.int64(0, 0), 42);
  EXPECT_EQ(r.column("n"), 0);
  EXPECT_EQ(r.column("m"), -1);
}

}  // namespace
}  // namespace pulse::test
