#!/usr/bin/env bats
# The photos source on a library of real files: what is known of each, what is reported, what is kept.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
load helpers.bash

# The library is made once and never changed; tests that change it work on a copy.
setup_file() {
    export LIB=$BATS_FILE_TMPDIR/library MADE=0
    [ -e "$SME_TEST_BUILDDIR/plugins/photos.so" ] || return 0
    "$SME_TEST_SRCDIR/tests/tools/make-photos" "$LIB" 2>"$BATS_FILE_TMPDIR/missing" || {
        [ $? -eq 77 ] || return 1
        return 0
    }
    # Broken on the way, in the ways that cards and cables break files.
    mkdir "$LIB/broken"
    half "$LIB/2024/nairobi/MVI_0001.MP4" "$LIB/broken/film.MP4"
    zeroed "$LIB/2023/paris/IMG_0001.JPG" "$LIB/broken/tail.jpg"
    head -c 5000 /dev/zero >"$LIB/broken/card.jpg"
    [ ! -e "$LIB/2024/nairobi/IMG_2001.HEIC" ] || half "$LIB/2024/nairobi/IMG_2001.HEIC" "$LIB/broken/phone.HEIC"
    let_age "$LIB/broken"
    MADE=1
}

# half FILE OUT: its first half.  zeroed FILE OUT: zeroes instead of its second half.
half() { head -c $(($(stat -c %s "$1") / 2)) "$1" >"$2"; }
zeroed() {
    half "$1" "$2"
    truncate -s "$(stat -c %s "$1")" "$2"
}

# let_age FILE...: until they are no longer so young that another change could go unnoticed; what is
# found out about a file is remembered from then on.
let_age() {
    local file now
    for file; do
        while printf -v now '%(%s)T' -1 && [ "$now" -le $(($(stat -c %Z "$file") + 3)) ]; do
            read -rt 0.2 <> <(:) || :
        done
    done
}

setup() {
    common_setup
    [ -e "$SME_TEST_BUILDDIR/plugins/photos.so" ] || skip "this build leaves photos out"
    [ "$MADE" = 1 ] || skip "$(cat "$BATS_FILE_TMPDIR/missing")"
    rm "$CONF/20-docs.ini"
    photos_section "$LIB"
}

# photos_section DIR [LINE...]
photos_section() {
    {
        printf '%s\n' '[source photos]' 'plugin = photos' "path = $1"
        shift
        [ $# -eq 0 ] || printf '%s\n' "$@"
    } >"$CONF/20-photos.ini"
}

# A library of its own for the test, with few files and no damage.
own_library() {
    cp -a "$LIB/2024" "$SRC/"
    photos_section "$SRC" "$@"
}

# fact FILE NAME: of the latest snapshot; "null" if there is none.
fact() {
    sme ls photos --json -- "$1" | jq -r --arg name "$2" '.items[0].facts[$name]'
}

# has FILE NAME=VALUE...
has() {
    local file=$1 pair found
    shift
    for pair; do
        found=$(fact "$file" "${pair%%=*}")
        [ "$found" = "${pair#*=}" ] || fail "$file: ${pair%%=*} is '$found', not '${pair#*=}'"
    done
}

says_not() { ! says "$1" 2>/dev/null || fail "standard error has '$1'"; }

restored_is() {
    rm -rf "$T/out"
    sme restore photos --to "$T/out" --quiet
    diff -r "$1" "$T/out"
}

@test "a library comes back byte for byte, with what is known of each photo" {
    init_repository
    exits 3 run
    restored_is "$LIB"
    same "$LIB" "$T/out"
    has 2023/paris/IMG_0001.JPG photo.kind=photo photo.format=jpeg photo.taken=2023-05-14T10:30:00+02:00 \
        "photo.camera=Canon EOS R6" "photo.lens=RF24-105mm F4 L" photo.width=480 photo.height=320 \
        photo.orientation=1 photo.lat=48.858400 photo.lon=2.294500 photo.altitude=35.0 photo.rating=5 \
        photo.keywords=$'paris\ttower' photo.preview_type=image/jpeg
    has 2024/nairobi/DSCF1002.JPG photo.lat=-1.373300 photo.lon=36.858000 \
        photo.keywords=$'nairobi\tgiraffe\tTierpark Zürich'
    has 2024/home/P1000001.JPG photo.taken=2024-12-24T19:00:00 photo.orientation=6 photo.lat=null photo.rating=null
    has 2024/home/screen.png photo.format=png photo.taken=2024-11-02T08:00:00+01:00 photo.rating=2
    has 2024/home/slide.tif photo.format=tiff photo.taken=1998-07-21T12:00:00 "photo.camera=Nikon LS-50"
    has 2024/home/scan.jpg photo.width=320 photo.taken=null photo.camera=null
    has 2024/nairobi/MVI_0001.MP4 photo.kind=video photo.format=mp4 photo.taken=2024-07-01T14:00:00Z \
        photo.lat=-1.292100 photo.duration=1.0 photo.width=320
    has 2024/nairobi/IMG_2003.MOV photo.format=mov photo.taken=2024-06-15T07:50:00+03:00 \
        photo.lat=-4.043500 "photo.camera=Apple iPhone 13"
    has other/picture-without-suffix photo.format=jpeg photo.damaged=null
    has other/motion-photo.jpg photo.format=jpeg photo.damaged=null
    if [ -e "$LIB/2024/nairobi/IMG_2001.HEIC" ]; then
        has 2024/nairobi/IMG_2001.HEIC photo.format=heic photo.taken=2024-06-15T07:45:10+03:00 photo.lon=39.668200
    fi
    # Large facts are told by their length; what is no photo has none.
    exits 0 ls photos 2023/paris/IMG_0001.JPG other/notes.txt other/text.jpg --json
    json '.items[0].facts["photo.preview"].bytes > 1000'
    json '[.items[1:][] | has("facts")] == [false, false]'
}

@test "raw files, the pictures beside them, and sidecars" {
    init_repository
    exits 3 run
    cd "$LIB/2024/nairobi"
    has 2024/nairobi/raw/DSC_0100.DNG photo.kind=raw photo.format=dng "photo.camera=NIKON D750" photo.of=null
    has 2024/nairobi/raw/DSC_0100.JPG photo.kind=photo photo.format=jpeg photo.of=null
    has 2024/nairobi/raw/DSC_0100.xmp photo.kind=sidecar photo.of=DSC_0100.DNG photo.rating=4 photo.keywords=sunrise
    has 2024/nairobi/MVI_0001.THM photo.kind=sidecar photo.of=MVI_0001.MP4 photo.format=null photo.preview_type=image/jpeg
    has exports/photo.jpg.supplemental-metadata.json photo.kind=sidecar photo.of=photo.jpg
    has exports/album.json photo.kind=null
    [ ! -e IMG_2001.HEIC ] || has 2024/nairobi/IMG_2001.AAE photo.kind=sidecar photo.of=IMG_2001.HEIC
}

@test "damaged photos are kept and reported once" {
    init_repository
    exits 3 run
    says "damaged 'broken/film.MP4': is cut off: "
    says "damaged 'broken/tail.jpg': is cut off: it has no end marker"
    says "damaged 'broken/card.jpg': is damaged: it begins with zeroes"
    says "damaged 'other/cut-off.jpg': is cut off: it has no end marker"
    says "damaged 'other/empty.jpg': is empty"
    [ ! -e "$LIB/broken/phone.HEIC" ] || says "damaged 'broken/phone.HEIC': is cut off: "
    says_not text.jpg
    says_not motion-photo
    has broken/tail.jpg "photo.damaged=is cut off: it has no end marker" "photo.camera=Canon EOS R6"
    exits 0 run
    silent
    logs 'photos: [56] photos are still damaged as earlier runs reported them'
    has broken/tail.jpg "photo.damaged=is cut off: it has no end marker"
    restored_is "$LIB"
    # Changed, and still damaged: that is news.
    cp -a "$LIB/broken" "$SRC/"
    photos_section "$SRC"
    exits 3 run
    photos_section "$SRC" 'check_files = no'
    exits 0 run
    has broken/tail.jpg photo.damaged=null
}

@test "an unchanged library is neither opened nor stored again" {
    init_repository
    exits 3 run
    exits 0 run --json
    json '.sources[0] | .bytes_read == 0 and .changed == 0 and .bytes_stored == 0 and .data_packs == 0'
    # Another option: looked at again, but not stored again.
    photos_section "$LIB" 'previews = no'
    exits 3 run --json
    json '.sources[0] | .bytes_read == 0 and .data_packs == 0'
    has 2023/paris/IMG_0001.JPG photo.preview=null photo.rating=5
}

@test "other files may be left out" {
    photos_section "$LIB" 'other_files = skip'
    init_repository
    exits 3 run
    logs 'other_files = skip left out 2 files'
    exits 0 ls photos
    [[ $output != *notes.txt* ]]
    [[ $output != *album.json* ]]
    prints other/picture-without-suffix
    prints other/text.jpg # its name says photo
    prints exports/photo.jpg.supplemental-metadata.json
}

@test "a library that is renamed, and folders that are moved, are not stored again" {
    own_library
    init_repository
    exits 0 run --json
    local size
    size=$(jq '.sources[0].bytes' <<<"$output")
    json '.sources[0].bytes_new > 100000'
    mv "$SRC" "$T/renamed"
    photos_section "$T/renamed"
    exits 0 run --json
    json '.sources[0] | .bytes_new == 0 and .data_packs == 0'
    mkdir "$T/renamed/old"
    mv "$T/renamed/2024" "$T/renamed/old/year"
    exits 0 run --json
    json ".sources[0] | .bytes == $size and .bytes_new == 0 and .data_packs == 0"
    has old/year/nairobi/raw/DSC_0100.xmp photo.of=DSC_0100.DNG
    restored_is "$T/renamed"
}

@test "unreadable photos and odd names" {
    own_library 'other_files = skip'
    local odd=$'new\nline.jpg' raw=$'\xff\xfe.JPG'
    cp "$LIB/2023/paris/IMG_0001.JPG" "$SRC/$odd"
    cp "$LIB/2023/paris/IMG_0002.JPG" "$SRC/$raw"
    printf '<x/>' >"$SRC/$odd.xmp"
    cp "$LIB/2023/paris/IMG_0002.JPG" "$SRC/-n .jpeg"
    chmod 000 "$SRC/2024/home/scan.jpg"
    as_nobody
    init_repository
    exits 3 run
    says "failed '2024/home/scan.jpg'"
    has "$odd" photo.rating=5
    has "$odd.xmp" photo.kind=sidecar "photo.of=$odd"
    has "-n .jpeg" photo.rating=3
    exits 0 ls photos --json
    json '[.items[] | select(.facts["photo.of"] == "new\nline.jpg")] | length == 1'
    json '[.items[] | select(.facts["photo.rating"] == "3")] | length == 2'
    chmod 644 "$SRC/2024/home/scan.jpg"
    exits 0 run
    restored_is "$SRC"
}

@test "hostile metadata do not stop a backup" {
    own_library
    local i=0 at file
    for file in "$LIB"/2024/nairobi/*.* "$LIB"/2024/home/*; do
        for at in 4 20 30 60 100 300; do
            [ "$at" -lt "$(stat -c %s "$file")" ] || continue
            cp "$file" "$SRC/$((++i)).${file##*.}"
            flip "$SRC/$i.${file##*.}" "$at"
        done
    done
    init_repository
    sme run || [ $? -eq 3 ]
    restored_is "$SRC"
}

@test "a file that crashes the parser of metadata does so once" {
    command -v cc >/dev/null || skip "needs a compiler"
    own_library
    cat >"$T/crash.c" <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* The parser, with a weakness. */
int gexiv2_metadata_open_buf(void *self, const unsigned char *data, long len, void **error)
{
    int (*open_buf)(void *, const unsigned char *, long, void **);

    if (memmem(data, (size_t)len, "LETHAL", 6) != NULL)
        abort();
    *(void **)&open_buf = dlsym(dlopen("libgexiv2.so.2", RTLD_LAZY | RTLD_NOLOAD), "gexiv2_metadata_open_buf");
    return open_buf(self, data, len, error);
}
C
    cc -shared -fPIC -o "$T/crash.so" "$T/crash.c" -ldl
    exiftool -q -q -overwrite_original -Artist=LETHAL "$SRC/2024/home/scan.jpg"
    init_repository
    export ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0:detect_leaks=0
    sme() { LD_PRELOAD=$T/crash.so "$SME_BACKUP" --config "$CONF" "$@"; }
    exits 1 run
    says "photos: failed: worker of plugin 'photos' crashed (signal 6"
    [ "$(snapshot_count photos)" -eq 0 ]
    exits 0 run
    logs "the last run ended while it read the metadata of '2024/home/scan.jpg': backed up without them"
    has 2024/home/scan.jpg photo.kind=photo photo.width=null
    has 2024/nairobi/DSCF1001.JPG photo.rating=4
    exits 0 run
    exits 0 run
    restored_is "$SRC"
    # Changed, it gets another chance.
    exiftool -q -q -overwrite_original -Artist=harmless "$SRC/2024/home/scan.jpg"
    exits 0 run
    has 2024/home/scan.jpg photo.width=320
}

# A disk of our own, to change bytes behind the back of its file system.
mount_disk() {
    local need
    as_root
    for need in losetup mkfs.ext4 debugfs; do
        command -v "$need" >/dev/null || skip "needs $need"
    done
    truncate -s 16M "$T/disk"
    mkfs.ext4 -q "$T/disk"
    LOOP=$(losetup --find --show "$T/disk" 2>/dev/null) || skip "there is no loop device"
    mount "$LOOP" "$SRC" 2>/dev/null || skip "cannot mount"
}

# rot FILE: one byte in its middle changes on the disk, nothing else.
rot() {
    local stamps at block size
    at=$(($(stat -c %s "$1") / 2))
    stamps=$(stat -c '%s %i %y %z' "$1")
    size=$(stat -f -c %S "$1")
    umount "$SRC"
    block=$(debugfs -R "bmap ${1#"$SRC/"} $((at / size))" "$LOOP" 2>/dev/null)
    [ "$block" -gt 0 ]
    flip "$LOOP" $((block * size + at % size))
    mount "$LOOP" "$SRC"
    [ "$(stat -c '%s %i %y %z' "$1")" = "$stamps" ]
}

teardown() {
    [ -z "${LOOP-}" ] || {
        umount "$SRC" 2>/dev/null || :
        losetup --detach "$LOOP"
    }
}

@test "silent rot: the version before is kept, and each run that reads it again says so" {
    mount_disk
    cp -a "$LIB/2023" "$SRC/"
    printf 'a note, long enough that it is in a block of its own: %0200d\n' 7 >"$SRC/note.txt"
    cp -a "$SRC" "$T/before"
    photos_section "$SRC"
    sync
    let_age "$SRC/note.txt"
    init_repository
    exits 0 run
    rot "$SRC/2023/paris/IMG_0001.JPG"
    rot "$SRC/note.txt"
    run -1 cmp -s "$SRC/2023/paris/IMG_0001.JPG" "$T/before/2023/paris/IMG_0001.JPG"
    photos_section "$SRC" 'rescan = 100%'
    exits 3 run --json
    json '.sources[0] | .rot == 2 and .problem_count == 2'
    json '.sources[0].problems | map(select(.path == "2023/paris/IMG_0001.JPG"))[0]
        | .kind == "rot" and (.text | contains("keeps the version before"))'
    restored_is_but_note
    # Files that people edit are taken as they are.
    cmp "$T/out/note.txt" "$SRC/note.txt"
    # Again, as long as the file is what it is.
    exits 3 run
    says "rot '2023/paris/IMG_0001.JPG': its content changed although size, mtime and ctime did not"
    says_not note.txt
    restored_is_but_note
    photos_section "$SRC"
    exits 0 run
    restored_is_but_note
    # Put back, it is sound again.
    cp "$T/out/2023/paris/IMG_0001.JPG" "$SRC/2023/paris/IMG_0001.JPG"
    photos_section "$SRC" 'rescan = 100%'
    exits 0 run
    restored_is_but_note
}

restored_is_but_note() {
    rm -rf "$T/out"
    sme restore photos --to "$T/out" --quiet
    diff -r --exclude=note.txt --exclude=lost+found "$T/before" "$T/out"
}

@test "photos without a preview in them get one, turned as they are to be shown" {
    [ -e "$SME_TEST_BUILDDIR/plugins/photos-preview" ] || skip "this build makes no previews"
    cd "$SRC"
    rm -rf ./*
    convert -size 2400x1600 plasma:red-blue -quality 95 plain.jpg
    exiftool -q -overwrite_original -n -Orientation=6 plain.jpg
    [ "$(stat -c %s plain.jpg)" -gt 100000 ]
    cp "$LIB/2024/home/screen.png" .
    if command -v heif-enc >/dev/null; then
        heif-enc -q 60 -t 320 -o thumbnail.heic plain.jpg >/dev/null 2>&1
        heif-enc -q 60 -o small.heic "$LIB/2024/nairobi/raw/DSC_0100.JPG" >/dev/null 2>&1
        convert plain.jpg -resize 3200x2400! large.png
        heif-enc -q 60 -o large.heic large.png >/dev/null 2>&1
        rm large.png
    fi
    photos_section "$SRC"
    init_repository
    exits 0 run
    exits 0 ls photos plain.jpg --json
    json '.items[0].facts | .["photo.preview"].bytes > 2000 and .["photo.preview"].bytes < 33000'
    has plain.jpg photo.preview_type=image/jpeg photo.orientation=6 photo.preview_orientation=null
    has screen.png photo.preview_type=image/jpeg photo.preview_orientation=null
    if [ -e thumbnail.heic ]; then
        has thumbnail.heic photo.preview_type=image/jpeg photo.preview_orientation=1
        has small.heic photo.preview_type=image/jpeg photo.preview_orientation=1
        # Without a thumbnail, and too many pixels to decode them all.
        has large.heic photo.format=heic photo.preview_type=null
    fi
    # What is known is not made again, and asks for nothing.
    exits 0 run
    restored_is "$SRC"
    # The largest that may be kept is the largest that is made.
    photos_section "$SRC" 'preview_size = 4KiB'
    exits 0 run
    exits 0 ls photos plain.jpg --json
    json '.items[0].facts | .["photo.preview"] == null or (.["photo.preview"] | (.bytes // length)) <= 5500'
}

@test "damaged pictures cost their preview and nothing else" {
    [ -e "$SME_TEST_BUILDDIR/plugins/photos-preview" ] || skip "this build makes no previews"
    local file size seed=${SME_TEST_SEED:-$$}
    echo "SME_TEST_SEED=$seed"
    cd "$SRC"
    rm -rf ./*
    convert -size 800x600 plasma:red-blue -quality 95 a.jpg
    convert a.jpg -resize 300x200! a.png
    ! command -v heif-enc >/dev/null || heif-enc -q 60 -t 200 -o a.heic a.jpg >/dev/null 2>&1
    for file in a.*; do
        perl -e '
            my ($name, $seed) = @ARGV;
            open my $in, "<:raw", $name or die;
            my $whole = do { local $/; <$in> };
            srand $seed;
            for my $i (1 .. 40) {
                my $bytes = $whole;
                substr($bytes, 12 + int rand(rand() < 0.5 ? 1500 : length($bytes) - 12), 1, chr int rand 256) for 1 .. 1 + int rand 6;
                $bytes = substr $bytes, 0, 20 + int rand(length($bytes) - 20) if $i % 8 == 0;
                open my $out, ">:raw", "$i-$name" or die;
                print $out $bytes;
            }' "$file" "$seed"
    done
    photos_section "$SRC" 'check_files = no'
    init_repository
    exits 0 run
    restored_is "$SRC"
    has a.jpg photo.preview_type=image/jpeg
}
