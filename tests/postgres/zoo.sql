-- Databases with something of everything that a backup can get wrong.
--
--   psql -Xq --set=ON_ERROR_STOP=1 --set=field_mib=8 --dbname=postgres --file=zoo.sql
--
-- Makes the databases "zoo", "zoo latin1" and one whose name has a quote of each kind, '=', a space, a slash
-- and a line break, and roles with names like that.  field_mib is the size of the largest field (8).
--
-- Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0

\if :{?field_mib}
\else
\set field_mib 8
\endif
\set odd_database 'zoo "odd\'=\n/x'
\set odd_connection 'dbname=\'zoo "odd\\\'=\n/x\''
\set odd_role 'role "odd\'=\n/x'
set client_min_messages = warning;

create role zoo_owner;
create role "zoo reader" login connection limit 3 valid until '2099-01-01 00:00:00+00';
create role :"odd_role" nologin createdb;
grant zoo_owner to "zoo reader" with admin option;
comment on role zoo_owner is 'keeps the zoo';
alter role "zoo reader" set work_mem = '5MB';
create database zoo owner zoo_owner template template0 encoding 'UTF8' locale 'C.UTF-8';
create database "zoo latin1" template template0 encoding 'LATIN1' locale 'C' connection limit 7;
create database :"odd_database" owner :"odd_role" template template0 encoding 'UTF8' locale 'C.UTF-8';
alter database zoo set search_path = public, hidden;
alter database zoo set "zoo.setting" = 'it''s = "odd"';
alter role "zoo reader" in database zoo set statement_timeout = '11s';
comment on database zoo is 'a database of "everything"';
revoke temporary on database zoo from public;
grant connect on database zoo to "zoo reader";

-- ---- another encoding -------------------------------------------------------------------------------------

\connect "zoo latin1"
set client_encoding = 'UTF8';
create table "größe" (id int primary key, "straße" text collate "C");
insert into "größe" values (1, 'Größe'), (2, 'ÿ'), (3, chr(160)), (4, null);
create table bytes (b bytea);
insert into bytes select decode(lpad(to_hex(i), 2, '0'), 'hex') from generate_series(0, 255) i;

-- ---- odd names --------------------------------------------------------------------------------------------

\connect -reuse-previous=on :"odd_connection"
\set s 'schema "odd\'=\n/x'
\set t 'table "odd\'=\n/x;--'
\set c 'column "odd\'=\n/x'
create schema :"s" authorization :"odd_role";
create table :"s".:"t" (id serial primary key, :"c" text default 'a''b"c=\d');
alter table :"s".:"t" owner to :"odd_role";
insert into :"s".:"t" (:"c") values (default), (E'line\nbreak\ttab\\.'), (E'\\.'), (E'\x01\x7f'), (''), (null);
create index :"c" on :"s".:"t" (:"c");
comment on table :"s".:"t" is E'two\nlines';
create table "." (x int); -- names that files could not have
create table ".." (x int);
create table "%" (x int);
create table "UPPER" (x int);
create table "upper" (x int);
create table "tab	in it" (x int);
create table "ünïcödé ☃" (x int);
create table "a.b" (x int);
create schema a;
create table a.b (x int);
insert into "." values (1);
insert into ".." values (2);
insert into "%" values (3);
insert into "UPPER" values (4);
insert into "upper" values (5);
insert into "a.b" values (6);
insert into a.b values (7);
do $$ begin execute format('create table %I (x int)', repeat('n', 63)); end $$;

-- ---- everything else --------------------------------------------------------------------------------------

\connect zoo
set client_min_messages = warning;
select setseed(0.5) \g /dev/null

create extension hstore;
create extension citext;
create schema ext;
create extension pg_trgm schema ext;
create schema hidden authorization zoo_owner;

-- types
create type mood as enum ('sad', 'ok', 'happy');
alter type mood add value 'so so' before 'ok';
create type address as (street text, number int);
create domain positive as int constraint above_zero check (value > 0) default 1;
create type span as range (subtype = timestamptz);
create collation german from "C";

-- every common type
create table kinds (
    id int primary key,
    b boolean, s smallint, l bigint, n numeric, m numeric(12, 4), r real, d double precision,
    t text, v varchar(20), c char(5), y bytea,
    da date, ti time, tz timetz, ts timestamp, tsz timestamptz, iv interval,
    u uuid, j json, jb jsonb, x xml, i inet, ci cidr, ma macaddr,
    bi bit(8), bv bit varying, po point, bo box, pa path, pl polygon, cr circle,
    ia int[], ta text[][], mo mood, ad address, aa address[], dom positive, sp span, ra int4range, mr int4multirange,
    h hstore, cx citext, tv tsvector, tq tsquery, lsn pg_lsn, mon money, o oid, rc regclass);
insert into kinds (id, r, d, n) values (1, 'NaN', '-Infinity', 'NaN'), (2, 3.4028235e38, 4.9e-324, 'Infinity'), (3, 0.1, 0.1, 1e-1000);
insert into kinds (id, b, s, l, n, m, t, v, c, y, da, ti, tz, ts, tsz, iv, u, j, jb, x, i, ci, ma, bi, bv, po, bo, pa, pl, cr,
    ia, ta, mo, ad, aa, dom, sp, ra, mr, h, cx, tv, tq, lsn, mon, o, rc)
select 10 + k, k % 2 = 0, -k, k * 1000000007::bigint, k / 7.0, k / 3.0, E'tab\there\n\\N \\. ' || k, 'ü' || k, 'c', decode('00ff0a5c', 'hex'),
    date '4713-01-01 BC' + k, time '23:59:59.999999', '01:02:03+05:30', '294276-12-31 23:59:59', 'infinity', interval '-1 mon 2 days 00:00:00.000001',
    '00000000-0000-4000-8000-000000000000', '{"a":  1, "a": 2}', '{"b": [1, null, "\u00fc"]}', '<a>&lt;</a>', '::1/128', '10.0.0.0/8', '08:00:2b:01:02:03',
    b'10101010', b'1', '(1,2)', '(1,2),(3,4)', '[(0,0),(1,1)]', '((0,0),(1,1),(2,0))', '<(0,0),1>',
    array[1, null, k], array[['a', null], ['"', E'\\']], 'so so', row ('O''Hara "St"', k)::address, array[row ('a,b', 1)::address], k + 1,
    span('2001-01-01 00:00Z', '2002-01-01 00:00Z'), '[1,5)', '{[1,3),[5,9)}', 'a=>1, "b c"=>NULL', 'CaSe', to_tsvector('simple', 'some words'),
    'some & !words', 'FF/12345678', 12.34, 4294967295, 'pg_class'
from generate_series(1, 200) k;

-- identity, generated and defaulted columns; sequences with odd values
create table identities (
    always int generated always as identity (start 100 increment 7),
    sometimes bigint generated by default as identity (start -50 increment -3 maxvalue 0 minvalue -9000),
    twice int generated always as (always_base * 2) stored,
    always_base int default 21,
    stamp timestamptz default '2001-02-03 00:00Z');
insert into identities (always_base) select k from generate_series(1, 50) k;
insert into identities (always) overriding system value values (7777777);
create table serials (id serial, big bigserial, t text);
insert into serials (t) select 'x' from generate_series(1, 10);
create sequence hidden.odd increment -5 minvalue -9223372036854775808 maxvalue 10 start 10 cache 20 cycle;
select nextval('hidden.odd') \g /dev/null
create sequence fresh start 42;
create sequence ended as smallint maxvalue 2;
select setval('ended', 2, true) \g /dev/null
create sequence full_range;
select setval('full_range', 9223372036854775807, false) \g /dev/null

-- partitions: range, under it hash, list, a default one, one in another schema, one attached later
create table measured (at date not null, place int not null, v numeric, primary key (at, place)) partition by range (at);
create table measured_2020 partition of measured for values from ('2020-01-01') to ('2021-01-01');
create table hidden.measured_2021 partition of measured for values from ('2021-01-01') to ('2022-01-01') partition by hash (place);
create table hidden.measured_2021_0 partition of hidden.measured_2021 for values with (modulus 2, remainder 0);
create table hidden.measured_2021_1 partition of hidden.measured_2021 for values with (modulus 2, remainder 1);
create table measured_rest partition of measured default;
create table measured_2022 (v numeric, place int not null, at date not null, primary key (at, place)); -- other order of columns
alter table measured attach partition measured_2022 for values from ('2022-01-01') to ('2023-01-01');
create index on measured (v);
insert into measured select date '2019-06-01' + k, k % 5, k / 3.0 from generate_series(1, 1500) k;
create table listed (k mood, v int) partition by list (k);
create table listed_sad partition of listed for values in ('sad', null);
create table listed_rest partition of listed default;
insert into listed values ('sad', 1), ('happy', 2), (null, 3);
-- by hash of an enum: numbers of its values differ after a restore, so rows are loaded through the root
create table by_mood (k mood, v int) partition by hash (k);
create table by_mood_0 partition of by_mood for values with (modulus 1, remainder 0);
insert into by_mood select m, k from unnest(enum_range(null::mood)) m, generate_series(1, 9) k;
-- inheritance
create table animals (name text, legs int);
create table birds (wings int default 2) inherits (animals);
insert into animals values ('snail', 0);
insert into birds values ('owl', 2, 2);

-- keys and constraints: circular, deferrable, to itself, not valid, exclusion
create table parents (id int primary key, favourite int);
create table children (id int primary key, parent int references parents on delete cascade, sibling int references children deferrable initially deferred);
alter table parents add constraint favourites foreign key (favourite) references children deferrable initially deferred;
begin;
insert into parents values (1, 10), (2, null);
insert into children values (10, 1, 11), (11, 1, 10), (12, 2, null);
commit;
create table old_rows (v int);
insert into old_rows values (-1);
alter table old_rows add constraint not_negative check (v >= 0) not valid;
create table bookings (room int, during int4range, exclude using gist (during with &&) where (room = 1));
insert into bookings values (1, '[1,3)'), (1, '[3,5)'), (2, '[1,3)'), (2, '[2,9)');
create table unique_nulls (a int, b int, unique (a) include (b));
insert into unique_nulls values (null, 1), (null, 2), (1, 3);

-- indexes
create table words (id int, w text, tags hstore, c citext unique, body text) with (fillfactor = 70);
insert into words select k, md5(k::text), hstore('k', k::text), 'W' || k, repeat(md5(k::text), k % 90) from generate_series(1, 1500) k;
create index on words using gin (w ext.gin_trgm_ops);
create index on words using gist (tags);
create index on words using hash (w);
create index on words using brin (id);
create unique index words_expression on words (lower(w) desc nulls last, id) where id > 10;
create index words_id on words (id);
cluster words using words_id;
alter table words alter column body set storage external, alter column w set statistics 500;
create statistics words_related (dependencies, ndistinct, mcv) on id, w from words;
create statistics words_expression_statistics on (lower(w)) from words;
analyze words;

-- functions, triggers, views, rules
create function shout(t text, n int default 2) returns text language sql immutable strict parallel safe as $f$ select upper(t) || repeat('!', n) $f$;
create function sql_body(a int) returns int language sql begin atomic select a + 1; end;
create procedure tidy(inout n int) language plpgsql as $$ begin n := n + 1; commit; end $$;
create aggregate longest(text) (sfunc = text_larger, stype = text);
create function near(a address, b address) returns boolean language sql immutable as $$ select (a).street = (b).street $$;
create operator === (leftarg = address, rightarg = address, procedure = near);
create table changes (id bigserial, what text, at timestamptz default '2001-01-01 00:00Z');
create function note() returns trigger language plpgsql security definer set search_path = public as $$
begin insert into public.changes (what) values (tg_op || ' ' || tg_table_name); return null; end $$;
create trigger noted after insert or update of favourite or delete on parents for each statement execute function note();
create constraint trigger noted_row after insert on children deferrable initially deferred for each row when (new.id > 5) execute function note();
create trigger off_trigger after insert on children for each row execute function note();
alter table children disable trigger off_trigger;
alter table children enable always trigger noted_row;
create view shouting with (security_barrier) as select id, shout(w) as loud from words where id < 20 with local check option;
create view hidden.chain as select * from shouting;
create materialized view summary as select id % 10 as k, count(*) as n from words group by 1 order by 1;
create unique index on summary (k);
create materialized view never_filled as select 1 as x with no data;
create rule no_delete as on delete to old_rows do instead nothing;
create function watch() returns event_trigger language plpgsql as $$
begin if tg_tag = 'CREATE TABLE' then null; end if; end $$;
create event trigger watching on ddl_command_end when tag in ('CREATE TABLE', 'DROP TABLE') execute function watch();
create event trigger asleep on sql_drop execute function watch();
alter event trigger asleep disable;

-- row security, also for the owner
create table secrets (id int primary key, whose name default current_user, t text);
insert into secrets select k, 'zoo_owner', 'secret ' || k from generate_series(1, 100) k;
alter table secrets owner to zoo_owner;
alter table secrets enable row level security, force row level security;
create policy own on secrets for select to "zoo reader" using (whose = current_user and id < 5);
create policy narrow on secrets as restrictive for update using (true) with check (id > 0);

-- rights
grant select (id), update (t) on secrets to "zoo reader";
grant all on schema hidden to :"odd_role" with grant option;
revoke all on function shout(text, int) from public;
grant usage on type mood to "zoo reader";
alter default privileges for role zoo_owner in schema hidden grant select on tables to "zoo reader";
alter default privileges grant execute on functions to zoo_owner;
alter default privileges for role zoo_owner revoke execute on functions from public;

-- comments
comment on column kinds.t is E'line one\nline ''two''; --';
comment on index words_expression is 'an index';
comment on constraint not_negative on old_rows is 'not valid';
comment on function shout(text, int) is 'LOUD';
comment on policy own on secrets is 'mine';
comment on trigger noted on parents is 'a trigger';

-- replication; no connection is made
set client_min_messages = error;
create publication everything for all tables;
create publication part for table words (id, w) where (id > 5), measured with (publish = 'insert', publish_via_partition_root = true);
create subscription none connection 'dbname=none' publication everything with (connect = false, slot_name = none, enabled = false);

-- storage
create unlogged table passing (id serial primary key, t text);
insert into passing (t) select 'gone after a crash ' || k from generate_series(1, 100) k;
create table no_columns ();
insert into no_columns default values;
insert into no_columns default values;
create table dropped_columns (a int, b text, c int);
insert into dropped_columns select k, 'b', -k from generate_series(1, 20) k;
alter table dropped_columns drop column b, add column d int default 9;
do $$ begin
    execute 'create table wide (' || (select string_agg(format('c%s int', k), ',') from generate_series(1, 1600) k) || ')';
    for i in 1..20 loop
        execute 'insert into wide select ' || (select string_agg((case when k % 7 = i % 7 then 'null' else (k * i)::text end), ',') from generate_series(1, 1600) k);
    end loop;
end $$;
create table large (id int, t text, b bytea);
insert into large values (1, repeat('0123456789abcde' || chr(10), :field_mib * 65536), null);
insert into large values (2, null, decode(repeat('00ff', :field_mib * 524288 / 2), 'hex'));

-- large objects: with an owner, rights, a comment, holes, none of it
do $$ declare o oid; begin
    for k in 1..20 loop
        o := lo_from_bytea(700000 + k, convert_to(repeat(md5(k::text), 100 * k), 'UTF8'));
    end loop;
end $$;
select lo_create(700100) \g /dev/null
select lo_create(700101) \g /dev/null
select lo_put(700101, 5000000, '\xcafe') \g /dev/null
alter large object 700001 owner to zoo_owner;
grant select on large object 700002 to "zoo reader";
comment on large object 700003 is 'a large object';
create table pictures (id int, o oid);
insert into pictures select k, 700000 + k from generate_series(1, 20) k;
