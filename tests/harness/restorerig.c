/*
 * Restores under test.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "restorerig.h"

#include <sys/stat.h>
#include <unistd.h>

/* One at a time: the host knows only itself. */
static struct restorerig *current;

static void on_problem(const struct sme_host *host, const char *path, size_t path_len,
                       const char *text)
{
    (void)host;
    if (current->problem_count < RESTORERIG_PROBLEMS) {
        (void)snprintf(current->problems[current->problem_count++], sizeof *current->problems,
                       "%.*s: %s", (int)path_len, path, text);
    }
}

bool restorerig_problem(const struct restorerig *f, const char *text)
{
    for (size_t i = 0; i < f->problem_count; i++) {
        if (strstr(f->problems[i], text) != NULL) {
            return true;
        }
    }
    return false;
}

void restorerig_no_problems(const struct restorerig *f)
{
    if (f->problem_count > 0) {
        fail_msg("%zu problems: %s", f->problem_count, f->problems[0]);
    }
}

void restorerig_tell(struct restorerig *f, const char *database, const char *sql)
{
    free(pgrig_sql(&f->rig, database, sql));
}

void restorerig_ask(struct restorerig *f, const char *database, const char *sql,
                    const char *expected)
{
    pgrig_expect(&f->rig, database, sql, expected);
}

static const char fill_sql[] =
    "CREATE SCHEMA crm; CREATE TYPE crm.mood AS ENUM ('good', 'bad');"
    "CREATE TABLE crm.moods (m crm.mood); INSERT INTO crm.moods VALUES ('good');"
    "CREATE TABLE customers (id int PRIMARY KEY, name text);"
    "CREATE TABLE orders (id serial PRIMARY KEY, customer int REFERENCES customers,"
    " note text DEFAULT 'x');"
    "CREATE TABLE items (id int GENERATED ALWAYS AS IDENTITY, o int REFERENCES orders);"
    "CREATE INDEX orders_note ON orders (note);"
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';"
    "CREATE TRIGGER tr BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION f();"
    "COMMENT ON TABLE orders IS 'what was ordered'; GRANT SELECT ON orders TO seller;"
    "INSERT INTO customers VALUES (1, 'a'), (2, 'b');"
    "INSERT INTO orders (customer) SELECT 1 + n % 2 FROM generate_series(1, 500) n;"
    "INSERT INTO items (o) SELECT n FROM generate_series(1, 100) n;"
    "CREATE TABLE ev (d int PRIMARY KEY) PARTITION BY RANGE (d);"
    "CREATE TABLE ev_1 PARTITION OF ev FOR VALUES FROM (0) TO (10);"
    "CREATE TABLE ev_2 PARTITION OF ev FOR VALUES FROM (10) TO (20);"
    "INSERT INTO ev SELECT generate_series(0, 19); ALTER TABLE customers OWNER TO seller;"
    "CREATE TABLE big (t text);"
    "INSERT INTO big SELECT repeat('x', 1000) FROM generate_series(1, 6000);"
    "SELECT lo_from_bytea(4711, 'large')";

static const char properties_sql[] =
    "COMMENT ON DATABASE shop IS U&'caf\\00e9; ''of DATABASE shop'' ';"
    "ALTER DATABASE shop SET work_mem = '3MB'; ALTER DATABASE shop CONNECTION LIMIT 7;"
    "ALTER ROLE seller IN DATABASE shop SET statement_timeout = '9s';"
    "REVOKE TEMPORARY ON DATABASE shop FROM PUBLIC; GRANT CREATE ON DATABASE shop TO seller";

static void dump_to(struct restorerig *f, const char *name, const char *options)
{
    char command[600];

    (void)snprintf(command, sizeof command,
                   "'%s/pg_dump' -h '%s' -U postgres -Fc -Z0 %s -f '%s/%s' shop", f->rig.bin,
                   f->rig.dir, options, f->rig.dir, name);
    assert_int_equal(pgrig_shell(&f->rig, command), 0);
}

int restorerig_start(void **state)
{
    struct restorerig *f = calloc(1, sizeof *f);
    char command[400];

    *state = current = f;
    if (!pgrig_start(&f->rig, false)) {
        return 0; /* each test is skipped */
    }
    restorerig_tell(f, "postgres", "CREATE ROLE seller LOGIN");
    restorerig_tell(f, "postgres",
                    "CREATE DATABASE shop OWNER seller TEMPLATE template0 ENCODING 'LATIN1'"
                    " LC_COLLATE 'C' LC_CTYPE 'C'");
    restorerig_tell(f, "shop", fill_sql);
    restorerig_tell(f, "shop", properties_sql);
    dump_to(f, "all", "");
    dump_to(f, "pre", "--section=pre-data");
    dump_to(f, "rows", "--section=data --exclude-table-data=big --exclude-table-data=orders");
    dump_to(f, "big", "--section=data --table=public.big");
    dump_to(f, "orders", "--section=data --table=public.orders --exclude-table-data=orders_id_seq");
    dump_to(f, "post", "--section=pre-data --section=post-data");
    (void)snprintf(command, sizeof command,
                   "'%s/pg_dumpall' -h '%s' -U postgres --globals-only >'%s/globals'", f->rig.bin,
                   f->rig.dir, f->rig.dir);
    assert_int_equal(pgrig_shell(&f->rig, command), 0);
    return 0;
}

int restorerig_stop(void **state)
{
    struct restorerig *f = *state;

    pgrig_stop(&f->rig);
    free(f);
    return 0;
}

int restorerig_setup(void **state)
{
    struct restorerig *f = *state;

    fakehost_init(&f->fake, "databases");
    f->fake.host.problem = on_problem;
    f->options = (struct pg_options){.mode = PG_DUMP};
    f->request = (struct pg_restore_options){.jobs = 1};
    f->flags = 0;
    f->problem_count = 0;
    f->restore = NULL;
    f->stop_at = 0;
    f->err = (struct sme_error){.struct_size = sizeof f->err};
    (void)snprintf(f->scratch, sizeof f->scratch, "%s/scratch", f->rig.dir);
    if (f->rig.running) {
        assert_int_equal(mkdir(f->scratch, 0755), 0);
        restorerig_tell(f, "postgres", "DROP DATABASE IF EXISTS shop_new");
    }
    return 0;
}

int restorerig_teardown(void **state)
{
    struct restorerig *f = *state;

    fakehost_done(&f->fake);
    /* Fails if something is left in it. */
    return f->rig.running && rmdir(f->scratch) < 0 ? -1 : 0;
}

struct restorerig *restorerig_begin(void **state, const char *database, const char *table)
{
    struct restorerig *f = *state;

    if (!f->rig.running) {
        skip(); /* PostgreSQL is not installed */
    }
    (void)snprintf(f->into, sizeof f->into, "%s dbname=shop_new", f->rig.info);
    f->request.into = f->into;
    f->request.database = database;
    f->request.table = table;
    f->request.scratch = f->scratch;
    return f;
}

int restorerig_open(struct restorerig *f)
{
    const struct sme_restore request = {
        .struct_size = sizeof request, .flags = f->flags, .config = &f->request, .snapshot = "s"};

    return restore_open(&f->fake.host, &f->options, &request, &f->restore, &f->err);
}

static int send_content(struct restorerig *f, const char *file)
{
    char path[200], buf[20000];
    size_t got, sent = 0;
    int status = SME_OK;

    (void)snprintf(path, sizeof path, "%s/%s", f->rig.dir, file);
    FILE *stream = fopen(path, "r");
    assert_non_null(stream);
    while (status == SME_OK && (got = fread(buf, 1, sizeof buf, stream)) > 0) {
        status = restore_data(f->restore, buf, got, &f->err);
        sent += got;
        if (f->stop_at > 0 && sent >= f->stop_at && f->rig.running) {
            pgrig_halt(&f->rig, true);
        }
    }
    (void)fclose(stream);
    return status;
}

/* One item as the core would give it. */
int restorerig_send(struct restorerig *f, const char *path, const char *part, const char *table,
                    const char *file)
{
    const struct sme_extra extras[] = {
        {"pg.database", "shop"},   {"pg.part", part},
        {"pg.encoding", "LATIN1"}, {"pg.collate", "C"},
        {"pg.ctype", "C"},         {"pg.owner", "seller"},
        {"pg.schema", "public"},   {"pg.table", table != NULL ? table : ""}};
    struct sme_item item = {.struct_size = sizeof item,
                            .type = SME_ITEM_FILE,
                            .path = path,
                            .path_len = strlen(path),
                            .extras = extras,
                            .extra_count = strcmp(part, "globals") == 0 ? 0
                                           : table == NULL              ? 6
                                                                        : 8};
    struct sme_error ignored = {.struct_size = sizeof ignored};

    int wanted = restore_item(f->restore, &item, &f->err);
    if (wanted <= 0) {
        return wanted;
    }
    int status = send_content(f, file);
    if (status < 0) {
        (void)restore_item_end(f->restore, SME_ABORT, &ignored);
        return status;
    }
    return restore_item_end(f->restore, SME_COMMIT, &f->err);
}

int restorerig_close(struct restorerig *f, int status)
{
    struct sme_error ignored = {.struct_size = sizeof ignored};

    if (status < 0) {
        (void)restore_close(f->restore, SME_ABORT, &ignored);
        return status;
    }
    return restore_close(f->restore, SME_COMMIT, &f->err);
}

int restorerig_whole(struct restorerig *f)
{
    int status = restorerig_open(f);

    if (status < 0) {
        return status;
    }
    status = restorerig_send(f, "cluster/globals.sql", "globals", NULL, "globals");
    if (status == SME_OK) {
        status = restorerig_send(f, "databases/shop.dump", "all", NULL, "all");
    }
    return restorerig_close(f, status);
}

int restorerig_split(struct restorerig *f)
{
    static const struct {
        const char *path, *part, *table, *file;
    } items[] = {
        {"databases/shop/1-pre-data.dump", "pre-data", NULL, "pre"},
        {"databases/shop/2-data.dump", "data", NULL, "rows"},
        {"databases/shop/3-tables/public.big.dump", "table", "big", "big"},
        {"databases/shop/3-tables/public.orders.dump", "table", "orders", "orders"},
        {"databases/shop/4-post-data.dump", "post-data", NULL, "post"},
        {"databases/shop.json", "facts", NULL, "post"},
    };

    int status = restorerig_open(f);
    if (status < 0) {
        return status;
    }
    for (size_t i = 0; i < sizeof items / sizeof *items && status == SME_OK; i++) {
        status = restorerig_send(f, items[i].path, items[i].part, items[i].table, items[i].file);
    }
    return restorerig_close(f, status);
}

void restorerig_must(struct restorerig *f, int status)
{
    if (status < 0) {
        fail_msg("%s (%s)", f->err.message, f->err.hint);
    }
    restorerig_no_problems(f);
}

void restorerig_expect_shop(struct restorerig *f, const char *database)
{
    restorerig_ask(f, database, "SELECT count(*) FROM orders", "500");
    restorerig_ask(f, database, "SELECT count(*) FROM items", "100");
    restorerig_ask(f, database, "SELECT sum(length(t)) FROM big", "6000000");
    restorerig_ask(f, database, "SELECT count(*) FROM ev_2", "10");
    restorerig_ask(f, database, "SELECT nextval('orders_id_seq')", "501");
    restorerig_ask(f, database, "SELECT lo_get(4711) = 'large'", "t");
    restorerig_ask(f, database, "SELECT count(*) FROM pg_constraint WHERE contype = 'f'", "2");
    restorerig_ask(f, database,
                   "SELECT relowner::regrole FROM pg_class WHERE relname = 'customers'", "seller");
    restorerig_ask(
        f, database,
        "SELECT shobj_description(oid, 'pg_database') = U&'caf\\00e9; ''of DATABASE shop'' '"
        " AND datconnlimit = 7 AND NOT has_database_privilege('public', oid, 'TEMP')"
        " AND has_database_privilege('public', oid, 'CONNECT')"
        " FROM pg_database WHERE datname = current_database()",
        "t");
    restorerig_ask(f, database,
                   "SELECT string_agg(setrole || ' ' || setconfig[1], ' ' ORDER BY setrole)"
                   " = '0 work_mem=3MB ' || 'seller'::regrole::oid || ' statement_timeout=9s'"
                   " FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase"
                   " WHERE datname = current_database()",
                   "t");
}

void restorerig_expect_orders(struct restorerig *f, const char *database)
{
    restorerig_ask(f, database, "SELECT count(*) FROM orders", "500");
    restorerig_ask(f, database, "SELECT nextval(pg_get_serial_sequence('orders', 'id'))", "501");
    restorerig_ask(f, database,
                   "SELECT string_agg(conname, ' ' ORDER BY conname) FROM pg_constraint"
                   " WHERE conrelid = 'orders'::regclass",
                   "orders_customer_fkey orders_pkey");
    restorerig_ask(f, database, "SELECT count(*) FROM pg_indexes WHERE indexname = 'orders_note'",
                   "1");
    restorerig_ask(f, database, "SELECT count(*) FROM pg_trigger WHERE tgname = 'tr'", "1");
    restorerig_ask(f, database, "SELECT obj_description('orders'::regclass)", "what was ordered");
    restorerig_ask(f, database, "SELECT has_table_privilege('seller', 'orders', 'SELECT')", "t");
    restorerig_ask(f, database, "INSERT INTO orders (customer) VALUES (1) RETURNING note", "x");
}
