/*
 * ABI 1, frozen: where every field of the public structures lies, and what every number means.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Compiled by headers.sh as C and C++; it is right if it compiles.  A line here is never changed:
 * plugins that exist were built with it.  A field that is appended to a structure gets a line and
 * changes the size of that structure, nothing else.
 */
#include "sme-backup/sink.h"
#include "sme-backup/source.h"

#ifdef __cplusplus
#define CHECK(condition) static_assert(condition, #condition)
#else
#define CHECK(condition) _Static_assert(condition, #condition)
#endif

/* The offsets are those of machines with 64-bit pointers and natural alignment. */
#if defined(__LP64__)
#define AT(name, field, offset) CHECK(offsetof(struct name, field) == (offset))
#define SIZE(name, size) CHECK(sizeof(struct name) == (size))
#else
#define AT(name, field, offset) CHECK(offsetof(struct name, field) <= (offset))
#define SIZE(name, size) CHECK(sizeof(struct name) <= (size))
#endif

AT(sme_error, struct_size, 0);
AT(sme_error, status, 4);
AT(sme_error, sys_errno, 8);
AT(sme_error, retry_after_ms, 12);
AT(sme_error, message, 16);
AT(sme_error, hint, 512);
SIZE(sme_error, 768);

AT(sme_host, struct_size, 0);
AT(sme_host, abi, 4);
AT(sme_host, core, 8);
AT(sme_host, instance, 16);
AT(sme_host, state_dir, 24);
AT(sme_host, log, 32);
AT(sme_host, cancelled, 40);
AT(sme_host, realtime_ns, 48);
AT(sme_host, random, 56);
AT(sme_host, problem, 64);
SIZE(sme_host, 72);

AT(sme_list, count, 0);
AT(sme_list, items, 8);
SIZE(sme_list, 16);

AT(sme_option, name, 0);
AT(sme_option, type, 8);
AT(sme_option, flags, 12);
AT(sme_option, offset, 16);
AT(sme_option, fallback, 24);
AT(sme_option, min, 32);
AT(sme_option, max, 40);
AT(sme_option, choices, 48);
AT(sme_option, help, 56);
SIZE(sme_option, 64);

AT(sme_plugin, struct_size, 0);
AT(sme_plugin, option_size, 4);
AT(sme_plugin, threads, 8);
AT(sme_plugin, option_count, 12);
AT(sme_plugin, name, 16);
AT(sme_plugin, version, 24);
AT(sme_plugin, summary, 32);
AT(sme_plugin, options, 40);
AT(sme_plugin, config_size, 48);
AT(sme_plugin, source, 56);
AT(sme_plugin, sink, 64);
SIZE(sme_plugin, 72);

AT(sme_time, sec, 0);
AT(sme_time, nsec, 8);
AT(sme_time, reserved, 12);
SIZE(sme_time, 16);

AT(sme_xattr, name, 0);
AT(sme_xattr, value, 8);
AT(sme_xattr, value_len, 16);
SIZE(sme_xattr, 24);

AT(sme_extra, name, 0);
AT(sme_extra, value, 8);
SIZE(sme_extra, 16);

AT(sme_item, struct_size, 0);
AT(sme_item, type, 4);
AT(sme_item, flags, 8);
AT(sme_item, failure, 12);
AT(sme_item, path, 16);
AT(sme_item, path_len, 24);
AT(sme_item, failure_text, 32);
AT(sme_item, dir_fd, 40);
AT(sme_item, reserved, 44);
AT(sme_item, dir_serial, 48);
AT(sme_item, name, 56);
AT(sme_item, mode, 64);
AT(sme_item, uid, 68);
AT(sme_item, gid, 72);
AT(sme_item, nlink, 76);
AT(sme_item, size, 80);
AT(sme_item, mtime, 88);
AT(sme_item, ctime, 104);
AT(sme_item, dev, 120);
AT(sme_item, ino, 128);
AT(sme_item, rdev_major, 136);
AT(sme_item, rdev_minor, 140);
AT(sme_item, link_target, 144);
AT(sme_item, xattrs, 152);
AT(sme_item, xattr_count, 160);
AT(sme_item, extras, 168);
AT(sme_item, extra_count, 176);
AT(sme_item, stream, 184);
SIZE(sme_item, 192);

AT(sme_run, struct_size, 0);
AT(sme_run, flags, 4);
AT(sme_run, started_ns, 8);
AT(sme_run, snapshot, 16);
SIZE(sme_run, 24);

AT(sme_source_ops, struct_size, 0);
AT(sme_source_ops, flags, 4);
AT(sme_source_ops, create, 8);
AT(sme_source_ops, destroy, 16);
AT(sme_source_ops, check, 24);
AT(sme_source_ops, begin, 32);
AT(sme_source_ops, next, 40);
AT(sme_source_ops, read, 48);
AT(sme_source_ops, end, 56);
AT(sme_source_ops, restore_begin, 64);
AT(sme_source_ops, restore_write, 72);
AT(sme_source_ops, restore_end, 80);
AT(sme_source_ops, read_stream, 88);
AT(sme_source_ops, close_stream, 96);
AT(sme_source_ops, restore_open, 104);
AT(sme_source_ops, restore_close, 112);
AT(sme_source_ops, restore_options, 120);
AT(sme_source_ops, restore_option_count, 128);
AT(sme_source_ops, restore_config_size, 136);
SIZE(sme_source_ops, 144);
AT(sme_restore, struct_size, 0);
AT(sme_restore, flags, 4);
AT(sme_restore, config, 8);
AT(sme_restore, snapshot, 16);
SIZE(sme_restore, 24);

AT(sme_slice, data, 0);
AT(sme_slice, len, 8);
SIZE(sme_slice, 16);

AT(sme_put_info, struct_size, 0);
AT(sme_put_info, flags, 4);
AT(sme_put_info, length, 8);
AT(sme_put_info, sha256, 16);
SIZE(sme_put_info, 48);

AT(sme_object, struct_size, 0);
AT(sme_object, flags, 4);
AT(sme_object, key, 8);
AT(sme_object, size, 16);
AT(sme_object, modified_ns, 24);
AT(sme_object, sha256, 32);
SIZE(sme_object, 64);

AT(sme_sink_limits, struct_size, 0);
AT(sme_sink_limits, flags, 4);
AT(sme_sink_limits, max_object, 8);
AT(sme_sink_limits, connections, 16);
AT(sme_sink_limits, reserved, 20);
SIZE(sme_sink_limits, 24);

AT(sme_sink_ops, struct_size, 0);
AT(sme_sink_ops, reserved, 4);
AT(sme_sink_ops, create, 8);
AT(sme_sink_ops, destroy, 16);
AT(sme_sink_ops, check, 24);
AT(sme_sink_ops, limits, 32);
AT(sme_sink_ops, prepare, 40);
AT(sme_sink_ops, put, 48);
AT(sme_sink_ops, get, 56);
AT(sme_sink_ops, stat, 64);
AT(sme_sink_ops, list, 72);
AT(sme_sink_ops, remove, 80);
AT(sme_sink_ops, sync, 88);
AT(sme_sink_ops, server_time, 96);
AT(sme_sink_ops, setup, 104);
AT(sme_sink_ops, audit, 112);
AT(sme_sink_ops, policy, 120);
AT(sme_sink_ops, thaw_offers, 128);
AT(sme_sink_ops, thaw, 136);
AT(sme_sink_ops, cost, 144);
AT(sme_sink_ops, remove_many, 152);
AT(sme_sink_ops, list_from, 160);
SIZE(sme_sink_ops, 168);

AT(sme_area, struct_size, 0);
AT(sme_area, kind, 4);
AT(sme_area, prefix, 8);
AT(sme_area, keep_days, 16);
AT(sme_area, reserved, 20);
SIZE(sme_area, 24);

AT(sme_layout, struct_size, 0);
AT(sme_layout, area_count, 4);
AT(sme_layout, areas, 8);
SIZE(sme_layout, 16);

AT(sme_finding, struct_size, 0);
AT(sme_finding, level, 4);
AT(sme_finding, subject, 8);
AT(sme_finding, text, 16);
AT(sme_finding, fix, 24);
SIZE(sme_finding, 32);

AT(sme_thaw_offer, struct_size, 0);
AT(sme_thaw_offer, speed, 4);
AT(sme_thaw_offer, hours_min, 8);
AT(sme_thaw_offer, hours_max, 12);
AT(sme_thaw_offer, nano_usd, 16);
SIZE(sme_thaw_offer, 24);

AT(sme_usage, struct_size, 0);
AT(sme_usage, reserved, 4);
AT(sme_usage, put, 8);
AT(sme_usage, get, 16);
AT(sme_usage, list, 24);
AT(sme_usage, head, 32);
AT(sme_usage, remove, 40);
AT(sme_usage, bytes_put, 48);
AT(sme_usage, bytes_got, 56);
SIZE(sme_usage, 64);

CHECK(SME_ABI == 1);
CHECK(SME_OK == 0);
CHECK(SME_E_INVALID == -1);
CHECK(SME_E_NOT_FOUND == -2);
CHECK(SME_E_EXISTS == -3);
CHECK(SME_E_DENIED == -4);
CHECK(SME_E_NO_SPACE == -5);
CHECK(SME_E_TRANSIENT == -6);
CHECK(SME_E_CORRUPT == -7);
CHECK(SME_E_CANCELLED == -8);
CHECK(SME_E_CHANGED == -9);
CHECK(SME_E_IO == -10);
CHECK(SME_E_NO_MEMORY == -11);
CHECK(SME_E_KEY == -12);
CHECK(SME_E_UNREACHABLE == -13);
CHECK(SME_E_CANNOT_NOW == -14);
CHECK(SME_E_BUSY == -15);
CHECK(SME_E_UNSUPPORTED == -16);
CHECK(SME_E_THROTTLED == -17);
CHECK(SME_LOG_ERROR == 1);
CHECK(SME_LOG_WARNING == 2);
CHECK(SME_LOG_INFO == 3);
CHECK(SME_LOG_DEBUG == 4);
CHECK(SME_OPT_STRING == 1);
CHECK(SME_OPT_PATH == 2);
CHECK(SME_OPT_LIST == 3);
CHECK(SME_OPT_BOOL == 4);
CHECK(SME_OPT_INT == 5);
CHECK(SME_OPT_SIZE == 6);
CHECK(SME_OPT_DURATION == 7);
CHECK(SME_OPT_PERCENT == 8);
CHECK(SME_OPT_CHOICE == 9);
CHECK(SME_OPT_REQUIRED == 1u);
CHECK(SME_OPT_SECRET == 2u);
CHECK(SME_OPT_DEPRECATED == 4u);
CHECK(SME_OPT_PATHS == 8u);
CHECK(SME_THREADS_SERIAL == 0u);
CHECK(SME_THREADS_PER_HANDLE == 1u);
CHECK(SME_THREADS_PARALLEL == 2u);
CHECK(SME_ITEM_FILE == 1u);
CHECK(SME_ITEM_DIRECTORY == 2u);
CHECK(SME_ITEM_SYMLINK == 3u);
CHECK(SME_ITEM_FIFO == 4u);
CHECK(SME_ITEM_SOCKET == 5u);
CHECK(SME_ITEM_CHAR_DEVICE == 6u);
CHECK(SME_ITEM_BLOCK_DEVICE == 7u);
CHECK(SME_ITEM_FIXED_CHUNKS == 1u);
CHECK(SME_ITEM_MAY_CHANGE == 2u);
CHECK(SME_ITEM_FAILED == 4u);
CHECK(SME_ITEM_STREAM == 8u);
CHECK(SME_ITEM_LOCATED == 16u);
CHECK(SME_ITEM_HAS_STAT == 32u);
CHECK(SME_ITEM_SKIPPED == 64u);
CHECK(SME_RUN_DRY == 1u);
CHECK(SME_COMMIT == 1);
CHECK(SME_ABORT == 0);
CHECK(SME_KEY_MAX == 256);
CHECK(SME_PUT_CREATE_ONLY == 1u);
CHECK(SME_OBJECT_HAS_SHA256 == 1u);
CHECK(SME_OBJECT_ARCHIVED == 2u);
CHECK(SME_SINK_CREATE_ONLY == 1u);
CHECK(SME_SINK_NEEDS_SYNC == 2u);
CHECK(SME_SINK_LOCAL == 4u);
CHECK(SME_AREA_DESCRIPTOR == 1u);
CHECK(SME_AREA_SNAPSHOTS == 2u);
CHECK(SME_AREA_DATA == 3u);
CHECK(SME_AREA_META == 4u);
CHECK(SME_AREA_INDEX == 5u);
CHECK(SME_AREA_GC == 6u);
CHECK(SME_AREA_KEYS == 7u);
CHECK(SME_FINDING_PASS == 1u);
CHECK(SME_FINDING_NOTE == 2u);
CHECK(SME_FINDING_WARN == 3u);
CHECK(SME_FINDING_FAIL == 4u);
CHECK(SME_FINDING_CHANGE == 5u);
CHECK(SME_SETUP_DRY_RUN == 1u);
CHECK(SME_ROLE_RUN == 1u);
CHECK(SME_ROLE_RESTORE == 2u);
CHECK(SME_ROLE_PRUNE == 3u);
CHECK(SME_ROLE_SETUP == 4u);
CHECK(SME_THAW_BULK == 1u);
CHECK(SME_THAW_STANDARD == 2u);
CHECK(SME_THAW_EXPEDITED == 3u);
CHECK(SME_THAWED == 1u);
CHECK(SME_THAW_PENDING == 2u);
CHECK(SME_THAW_STARTED == 3u);
CHECK(SME_REMOVE_MAX == 1000);
