// The suite that every directory passes, over the embedded issuer's tables.
#include "directory_conformance.hpp"

#include "identity/embedded_directory.hpp"

namespace pulse::test {

class EmbeddedBackend {
 public:
  EmbeddedBackend(PgTest& test, pg::Pool& pool) : test_(test), pool_(pool), directory_(deps()) {}

  identity::Directory& directory() { return directory_; }

  /// Tenants are the embedded directory's organizations.
  void add_tenant(const std::string& id, const std::string& name) {
    test_.admin("INSERT INTO tenants (tenant_id, name) VALUES ('" + id + "', '" + name + "')");
  }
  bool accepts(const std::string& username, const std::string& password) {
    const auto user = test_.await(identity::find_user(pool_, username));
    return user && user->enabled && !user->password_temporary && user->password_hash &&
           crypto::password_fits(password, *user->password_hash);
  }
  void open_session(const std::string& username, const std::string&) {
    const auto user = test_.await(identity::find_user(pool_, username));
    test_.await(
        identity::open_session(pool_, user->id, crypto::random_token(16), "203.0.113.9", "test"));
  }
  std::vector<std::string> emails(const std::string& to) { return emails_in(scratch_.path(), to); }

 private:
  identity::EmbeddedDirectoryDeps deps() {
    mail::MailerOptions options;
    options.outbox = scratch_.path();
    identity::EmbeddedDirectoryDeps d;
    d.pool = &pool_;
    d.passwords = std::make_shared<identity::PasswordWorkers>();
    d.links.mailer = std::make_shared<mail::Mailer>(options);
    d.links.issuer = "https://pulse.example/realms/pulse";
    return d;
  }

  PgTest& test_;
  pg::Pool& pool_;
  ScratchDirectory scratch_{"pulse-outbox"};
  identity::EmbeddedDirectory directory_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Embedded, DirectoryConformance, EmbeddedBackend);

}  // namespace pulse::test
