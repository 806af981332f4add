// Forward-only migrations. Blocking, for start-up and `pulse migrate`.
#include <libpq-fe.h>
#include <openssl/sha.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>

#include "platform/pg/pool.hpp"

namespace pulse::pg {

namespace {

/// Any number will do, as long as every Pulse uses the same.
constexpr const char* lock_key = "7046029254386353131";

struct Migration {
  std::string name, sql, checksum;
};

std::string checksum_of(const std::string& text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  static constexpr char hex[] = "0123456789abcdef";
  std::string out;
  for (const unsigned char b : digest) {
    out += hex[b >> 4];
    out += hex[b & 15];
  }
  return out;
}

std::vector<Migration> read_directory(const std::string& directory) {
  std::vector<Migration> out;
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ec)) {
    const auto name = entry.path().filename().string();
    // NNNN_name.sql; roles.sql and database.sql are for the superuser.
    if (name.size() < 10 || !name.ends_with(".sql") || name[4] != '_' ||
        !std::all_of(name.begin(), name.begin() + 4, [](char c) { return c >= '0' && c <= '9'; }))
      continue;
    std::ifstream in(entry.path(), std::ios::binary);
    std::string sql{std::istreambuf_iterator<char>(in), {}};
    auto checksum = checksum_of(sql);
    out.push_back({name, std::move(sql), std::move(checksum)});
  }
  if (ec) throw Error("can't read migrations in " + directory + ": " + ec.message(), "58030");
  if (out.empty()) throw Error("no migrations in " + directory, "58030");
  std::sort(out.begin(), out.end(),
            [](const Migration& a, const Migration& b) { return a.name < b.name; });
  return out;
}

class Session {
 public:
  explicit Session(const std::string& conninfo) : conn_(PQconnectdb(conninfo.c_str()), PQfinish) {
    if (PQstatus(conn_.get()) != CONNECTION_OK)
      throw Error(std::string("can't connect: ") + PQerrorMessage(conn_.get()), "08006");
    PQsetNoticeProcessor(
        conn_.get(), [](void*, const char*) {}, nullptr);
  }
  Result run(const std::string& sql) {
    PGresult* r = PQexec(conn_.get(), sql.c_str());
    const auto status = PQresultStatus(r);
    Result out(r);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
      const char* state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
      throw Error(PQresultErrorMessage(r), state ? state : "08006");
    }
    return out;
  }
  std::string quoted(const std::string& text) {
    char* q = PQescapeLiteral(conn_.get(), text.data(), text.size());
    std::string out = q ? q : "''";
    PQfreemem(q);
    return out;
  }

 private:
  std::unique_ptr<PGconn, void (*)(PGconn*)> conn_;
};

std::map<std::string, std::string> applied(Session& db) {
  std::map<std::string, std::string> out;
  if (db.run("SELECT to_regclass('public.schema_migrations')").null(0, 0)) return out;
  const auto rows = db.run("SELECT name, checksum FROM schema_migrations");
  for (int i = 0; i < rows.rows(); ++i)
    out.emplace(std::string(rows.text(i, 0)), std::string(rows.text(i, 1)));
  return out;
}

/// What is to be applied; throws when what was applied is not what the directory says.
std::vector<Migration> outstanding(Session& db, const std::string& directory) {
  auto done = applied(db);
  std::vector<Migration> out;
  for (auto& m : read_directory(directory)) {
    const auto it = done.find(m.name);
    if (it == done.end()) {
      out.push_back(std::move(m));
      continue;
    }
    if (it->second != m.checksum)
      throw Error("migration " + m.name + " was changed after it was applied", "55000");
    done.erase(it);
  }
  if (!done.empty())
    throw Error("migration " + done.begin()->first + " is applied, but its file is missing",
                "55000");
  return out;
}

}  // namespace

std::vector<std::string> migrate(const std::string& conninfo, const std::string& directory) {
  Session db(conninfo);
  db.run(std::string("SELECT pg_advisory_lock(") + lock_key + ")");
  db.run(
      "CREATE TABLE IF NOT EXISTS schema_migrations (name text PRIMARY KEY, checksum text NOT "
      "NULL, "
      "applied_at timestamptz NOT NULL DEFAULT now())");
  std::vector<std::string> names;
  for (const auto& m : outstanding(db, directory)) {
    db.run("BEGIN");
    try {
      db.run(m.sql);
      db.run("INSERT INTO schema_migrations (name, checksum) VALUES (" + db.quoted(m.name) + ", " +
             db.quoted(m.checksum) + ")");
      db.run("COMMIT");
    } catch (const Error& e) {
      throw Error("migration " + m.name + " failed: " + e.what(), e.sqlstate);
    }
    names.push_back(m.name);
  }
  return names;
}

std::vector<std::string> pending_migrations(const std::string& conninfo,
                                            const std::string& directory) {
  Session db(conninfo);
  std::vector<std::string> names;
  for (const auto& m : outstanding(db, directory)) names.push_back(m.name);
  return names;
}

}  // namespace pulse::pg
