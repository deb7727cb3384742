#!/usr/bin/env bats
# Finding photos by date, place and camera, and restoring them into folders by day.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
load helpers.bash

# The library and its repository are made once; the tests only read both.
setup_file() {
    export LIB=$BATS_FILE_TMPDIR/library SHARED=$BATS_FILE_TMPDIR/shared MADE=0
    [ -e "$SME_TEST_BUILDDIR/plugins/photos.so" ] || return 0
    "$SME_TEST_SRCDIR/tests/tools/make-photos" "$LIB" 2>"$BATS_FILE_TMPDIR/missing" || {
        [ $? -eq 77 ] || return 1
        return 0
    }
    # A second card with the same numbers: another picture of the same day with a note beside it, and
    # a copy of one that is in the library.
    mkdir -p "$LIB/card2"
    cp "$LIB/2024/nairobi/DSCF1001.JPG" "$LIB/card2/DSCF1001.JPG"
    exiftool -q -q -overwrite_original -m -XMP:Rating=1 -Comment=other "$LIB/card2/DSCF1001.JPG"
    printf '{}\n' >"$LIB/card2/DSCF1001.JPG.json"
    cp -p "$LIB/2024/nairobi/DSCF1002.JPG" "$LIB/card2/"
    mkdir -p "$LIB/odd [1]"
    cp "$LIB/2023/paris/IMG_0002.JPG" "$LIB/odd [1]/a*b?.JPG"
    ln -s notes.txt "$LIB/other/link"
    mkdir "$LIB/empty folder"
    mkdir "$SHARED"
    export BATS_TEST_TMPDIR=$SHARED
    common_setup
    photos_section
    init_repository
    sme run || [ $? -eq 3 ] || return 1
    chmod -R a-w "$REPO"
    MADE=1
}

teardown_file() {
    [ ! -d "$BATS_FILE_TMPDIR/shared" ] || chmod -R u+w "$BATS_FILE_TMPDIR/shared"
}

photos_section() {
    rm -f "$CONF/20-docs.ini"
    printf '%s\n' '[source photos]' 'plugin = photos' "path = $LIB" >"$CONF/20-photos.ini"
}

setup() {
    common_setup
    [ -e "$SME_TEST_BUILDDIR/plugins/photos.so" ] || skip "this build leaves photos out"
    [ "$MADE" = 1 ] || skip "$(cat "$BATS_FILE_TMPDIR/missing")"
    CONF=$SHARED/conf.d HOME=$SHARED/home OUT=$T/out
}

# finds OPTION... -- PATH...: exactly these, in this order.
finds() {
    local options=()
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    sme find photos "${options[@]}" --null >"$T/found"
    printf '%s\0' "$@" >"$T/expected"
    cmp -s "$T/found" "$T/expected" || fail "find ${options[*]}: $(tr '\0' '\n' <"$T/found")"
}

finds_nothing() {
    exits 1 find photos "$@"
    [ -z "$output" ] || fail "found: $output"
    says "nothing in snapshot"
}

# files DIR: all below it, sorted.
files() { (cd "$1" && find . -mindepth 1 -not -type d -printf '%P\n' | LC_ALL=C sort); }

# made FILE SOURCE: has its bytes and time.
made() {
    cmp "$OUT/$1" "$LIB/$2" || fail "$1 is not $2"
    [ "$(stat -c %Y "$OUT/$1")" = "$(stat -c %Y "$LIB/$2")" ] || fail "$1 has another time"
}

@test "photos are found by the time on the camera's clock" {
    finds --taken 2023-05-14 --kind photo -- 2023/paris/IMG_0001.JPG 2023/paris/IMG_0002.JPG \
        exports/photo.jpg exports/photo.jpg.supplemental-metadata.json \
        "odd [1]/a*b?.JPG" other/cut-off.jpg other/motion-photo.jpg other/picture-without-suffix
    finds --taken 1998 -- 2024/home/slide.tif
    finds --taken ..2000 -- 2024/home/slide.tif
    finds --taken 2024-11.. -- 2024/home/P1000001.JPG 2024/home/screen.png
    # The last second of August, by a clock that is three hours ahead of UTC.
    finds --taken 2024-08..2024-08 -- 2024/nairobi/DSCF1003.JPG
    finds_nothing --taken 2024-09
    finds_nothing --taken 2025..
}

@test "photos are found by camera, lens, keyword, rating and kind" {
    finds --camera x-t4 --taken 2024-08 -- 2024/nairobi/DSCF1003.JPG
    finds --camera 'canon*r6' '*.JPG' --rating 5 -- 2023/paris/IMG_0001.JPG
    finds --lens 'F1.7' -- 2024/home/P1000001.JPG
    finds --keyword 'tierpark ZÜRICH' -- 2024/nairobi/DSCF1002.JPG card2/DSCF1002.JPG
    finds --rating ..1 --alone -- card2/DSCF1001.JPG
    finds --kind raw --alone -- 2024/nairobi/raw/DSC_0100.DNG
    finds --kind video,raw --alone -- 2024/nairobi/IMG_2003.MOV 2024/nairobi/MVI_0001.MP4 \
        2024/nairobi/raw/DSC_0100.DNG
    finds_nothing --camera 'x-t4' --lens 'F1.7'
    finds --damaged -- other/cut-off.jpg other/empty.jpg
    exits 0 find photos --damaged
    prints "is cut off"
    prints "is empty"
}

@test "photos are found by place" {
    finds --near -1.29,36.82,5km -- 2024/nairobi/DSCF1001.JPG 2024/nairobi/MVI_0001.MP4 \
        2024/nairobi/MVI_0001.THM card2/DSCF1001.JPG card2/DSCF1001.JPG.json
    finds --near=48.8606,2.3376,300m --alone 2023/ -- 2023/paris/IMG_0002.JPG
    finds_nothing --near 0,0,1000km
}

@test "what belongs to a photo comes along, marked, unless it shall not" {
    finds --keyword sunrise -- 2024/nairobi/raw/DSC_0100.DNG 2024/nairobi/raw/DSC_0100.JPG \
        2024/nairobi/raw/DSC_0100.xmp
    finds --keyword sunrise --alone -- 2024/nairobi/raw/DSC_0100.xmp
    finds 2024/nairobi/MVI_0001.THM -- 2024/nairobi/MVI_0001.MP4 2024/nairobi/MVI_0001.THM
    exits 0 find photos --kind raw
    [ "$output" = "2024-07-03 06:12:00 - NIKON D750               2024/nairobi/raw/DSC_0100.DNG
2024-07-03 06:12:00 + NIKON D750               2024/nairobi/raw/DSC_0100.JPG
-                   + -                        2024/nairobi/raw/DSC_0100.xmp" ] || fail "$output"
    exits 0 find photos --kind raw --json
    json '.schema == 1 and .command == "find" and .source == "photos"'
    json '[.items[] | .came_along] == [false, true, true]'
    json '.items[0].facts["photo.camera"] == "NIKON D750" and .items[0].type == "file" and .items[0].size > 0'
    exits 0 find photos 'IMG_0001.JPG' --json
    json '.items[0].facts | has("photo.taken") and has("photo.preview_type") and (has("photo.preview") | not)'
}

@test "names are found in any folder, and in sources that know nothing else" {
    finds IMG_0001.JPG -- 2023/paris/IMG_0001.JPG
    finds 'sc*.???' -- 2024/home/scan.jpg 2024/home/screen.png
    finds paris --alone -- 2023/paris 2023/paris/IMG_0001.JPG 2023/paris/IMG_0002.JPG
    finds other/notes.txt -- other/notes.txt
    exits 1 find photos '*.jpg' 'nothing*'
    says "matches 'nothing*'"

    # A plain source, in a repository of its own.
    CONF=$T/conf.d
    backed_up
    exits 0 find docs '*.txt'
    [ "$output" = "a/b/two.txt
a/one.txt" ] || fail "$output"
    exits 1 find docs --taken 2024
    says "only sources of plugin 'photos'"
    exits 1 find docs '*.txt' --taken 2024 --json
    json '.items == [] and (.error.message | test("what was asked for"))'
}

@test "what makes no sense is refused with a way out" {
    exits 2 find photos
    says "find what?"
    exits 2 find photos --taken 2024-13
    says "--taken: '2024-13' is not a date"
    says "for instance 2024"
    exits 2 find photos --near 1,2
    says "--near"
    exits 2 find photos --rating 9
    exits 2 find photos --kind film
    says "photo, raw, video, sidecar, other"
    exits 2 restore photos --to "$OUT" --layout date
    says "there is no layout 'date'"
    exits 2 restore photos --in-place --layout taken
    says "--layout and --in-place exclude each other"
    exits 2 restore photos --into x --layout taken
    exits 2 restore photos --into x --taken 2024
    says "--taken and --into exclude each other"
    exits 2 restore photos --to "$OUT" --layout taken --overwrite always
    says "never overwrites"
    exits 2 restore photos --to "$OUT" --alone
    exits 1 restore photos --to "$OUT" --taken 1970
    says "is what was asked for"
    exits 1 restore photos --to "$OUT" --layout taken 'no/such*'
    says "matches nothing"
    [ ! -e "$OUT" ] || fail "a folder was made"
}

@test "a restore takes what was found, under its own names" {
    exits 0 restore photos --to "$OUT" --near -1.29,36.82,5km --taken 2024-07
    [ "$(files "$OUT")" = "2024/nairobi/MVI_0001.MP4
2024/nairobi/MVI_0001.THM" ] || fail "$(files "$OUT")"
    rm -r "$OUT"
    exits 0 restore photos --to "$OUT" --rating 4 --alone 2024/nairobi/raw
    [ "$(files "$OUT")" = "2024/nairobi/raw/DSC_0100.xmp" ] || fail "$(files "$OUT")"
    # Names that look like patterns mean themselves.
    rm -r "$OUT"
    exits 0 restore photos --to "$OUT" --taken 2023 'odd [[]1]' --verify
    [ "$(files "$OUT")" = "odd [1]/a*b?.JPG" ] || fail "$(files "$OUT")"
}

@test "a layout has folders by day, and groups stay together" {
    exits 0 restore photos --to "$OUT" --layout taken --verify --json
    json '.exit == 0 and .problem_count == 0 and .failed == 0'
    json '[.layout[] | select(.path == "2024/home/slide.tif") | .to] == ["1998/07/21/slide.tif"]'
    made 2023/05/14/IMG_0001.JPG 2023/paris/IMG_0001.JPG
    made 2024/08/31/DSCF1003.JPG 2024/nairobi/DSCF1003.JPG
    for suffix in DNG JPG xmp; do
        made "2024/07/03/DSC_0100.$suffix" "2024/nairobi/raw/DSC_0100.$suffix"
    done
    made 2024/07/01/MVI_0001.MP4 2024/nairobi/MVI_0001.MP4
    made 2024/07/01/MVI_0001.THM 2024/nairobi/MVI_0001.THM
    made 2023/05/14/photo.jpg.supplemental-metadata.json exports/photo.jpg.supplemental-metadata.json
    made undated/scan.jpg 2024/home/scan.jpg
    made undated/empty.jpg other/empty.jpg
    made other/other/notes.txt other/notes.txt
    made other/exports/album.json exports/album.json
    [ "$(readlink "$OUT/other/other/link")" = notes.txt ]
    made "2023/05/14/a*b?.JPG" "odd [1]/a*b?.JPG"
    [ ! -e "$OUT/.sme-backup-layout" ] || fail "the staging folder stayed"
    [ ! -e "$OUT/other/empty folder" ] || fail "a folder without files was made"
    [ -z "$(find "$OUT" -type d -empty)" ] || fail "empty: $(find "$OUT" -type d -empty)"

    # The other picture of that number has another name, and so has its note.
    made 2024/06/30/DSCF1001.JPG 2024/nairobi/DSCF1001.JPG
    made 2024/06/30/DSCF1001-2.JPG card2/DSCF1001.JPG
    made 2024/06/30/DSCF1001-2.JPG.json card2/DSCF1001.JPG.json
    # Of the copy there is one.
    [ "$(cd "$OUT/2024/07/02" && echo *)" = DSCF1002.JPG ] || fail "$(ls "$OUT/2024/07/02")"
}

@test "doing it again changes nothing, in all or in part" {
    exits 0 restore photos --to "$OUT" --layout taken
    local count before
    before=$(files "$OUT")
    count=$(grep -c . <<<"$before")
    find "$OUT" -printf '%i %C@ %p\n' | sort >"$T/before"
    exits 0 restore photos --to "$OUT" --layout taken
    prints "restored 0 items"
    prints "$((count + 1)) files already there"
    exits 0 restore photos --to "$OUT" --layout taken card2
    exits 0 restore photos --to "$OUT" --layout taken --rating 4..
    exits 0 restore photos --to "$OUT" --layout taken --dry-run --json
    json '[.layout[] | .existing] | all'
    [ "$(files "$OUT")" = "$before" ] || fail "$(files "$OUT")"
    # Nor were files replaced by copies of themselves.
    find "$OUT" -type f -printf '%i %C@ %p\n' | sort | comm -23 - "$T/before" >"$T/changed"
    [ ! -s "$T/changed" ] || fail "$(cat "$T/changed")"

    # What is missing comes back, and nothing else.
    rm "$OUT/2024/06/30/DSCF1001-2.JPG.json"
    exits 0 restore photos --to "$OUT" --layout taken
    prints "restored 1 item (1 file"
    [ "$(files "$OUT")" = "$before" ] || fail "$(files "$OUT")"
}

@test "a stranger's file is never touched: the whole group steps aside" {
    mkdir -p "$OUT/2024/07/03" "$OUT/other/other/notes.txt"
    echo mine >"$OUT/2024/07/03/DSC_0100.xmp"
    exits 0 restore photos --to "$OUT" --layout taken --taken 2024-07-03 --dry-run
    prints "2024/nairobi/raw/DSC_0100.DNG -> 2024/07/03/DSC_0100-2.DNG"
    [ "$(files "$OUT")" = 2024/07/03/DSC_0100.xmp ] || fail "the dry run wrote: $(files "$OUT")"
    for again in 1 2; do
        exits 0 restore photos --to "$OUT" --layout taken --taken 2024-07-03
        [ "$(files "$OUT")" = "2024/07/03/DSC_0100-2.DNG
2024/07/03/DSC_0100-2.JPG
2024/07/03/DSC_0100-2.xmp
2024/07/03/DSC_0100.xmp" ] || fail "$again: $(files "$OUT")"
    done
    [ "$(cat "$OUT/2024/07/03/DSC_0100.xmp")" = mine ]
    # A third of the name; one byte of the second has changed, and its size has not.
    flip "$OUT/2024/07/03/DSC_0100-2.JPG"
    cp "$OUT/2024/07/03/DSC_0100-2.JPG" "$T/flipped"
    exits 0 restore photos --to "$OUT" --layout taken --taken 2024-07-03
    made 2024/07/03/DSC_0100-3.JPG 2024/nairobi/raw/DSC_0100.JPG
    made 2024/07/03/DSC_0100-3.DNG 2024/nairobi/raw/DSC_0100.DNG
    cmp "$OUT/2024/07/03/DSC_0100-2.JPG" "$T/flipped"
    # A folder in the place of a file.
    exits 0 restore photos --to "$OUT" --layout taken other/notes.txt
    made other/other/notes-2.txt other/notes.txt
}

@test "a layout leaves its folder by no link" {
    mkdir -p "$OUT" "$T/elsewhere"
    ln -s "$T/elsewhere" "$OUT/2024"
    exits 2 restore photos --to "$OUT" --layout taken --taken 2024-07-03
    says "$OUT/2024/07/03' cannot be a folder"
    [ -z "$(files "$T/elsewhere")" ]
    [ ! -e "$OUT/.sme-backup-layout" ]
    rm "$OUT/2024"
    ln -s "$T/elsewhere" "$OUT/.sme-backup-layout"
    exits 2 restore photos --to "$OUT" --layout taken --taken 2024-07-03
    says ".sme-backup-layout' is not a folder"
    [ -z "$(files "$T/elsewhere")" ]
}

@test "what an interrupted restore left is removed, but not that of one at work" {
    mkdir -p "$OUT/.sme-backup-layout/2024/nairobi" "$T/kept"
    echo half >"$OUT/.sme-backup-layout/2024/nairobi/DSCF1001.JPG"
    echo kept >"$T/kept/file"
    ln -s "$T/kept" "$OUT/.sme-backup-layout/link"
    chmod 0500 "$OUT/.sme-backup-layout/2024/nairobi"
    mkfifo ready stop
    flock "$OUT/.sme-backup-layout" sh -c 'echo >ready; read -r word <stop' 3>&- 4>&- &
    local holder=$!
    read -r _ <ready
    exits 5 restore photos --to "$OUT" --layout taken --taken 2024-06-30
    says "another restore is at work in '$OUT/.sme-backup-layout'"
    echo go >stop
    wait "$holder"
    [ -e "$OUT/.sme-backup-layout/2024/nairobi/DSCF1001.JPG" ] || fail "removed from under another restore"
    exits 0 restore photos --to "$OUT" --layout taken --taken 2024-06-30
    says "interrupted restore left in '$OUT/.sme-backup-layout'"
    made 2024/06/30/DSCF1001.JPG 2024/nairobi/DSCF1001.JPG
    [ ! -e "$OUT/.sme-backup-layout" ] || fail "it stayed"
    [ "$(cat "$T/kept/file")" = kept ]
}

@test "what is damaged in the repository is reported, the rest is in place" {
    CONF=$T/conf.d REPO=$T/repo
    cp -r "$SHARED/repo" "$SHARED/keys" "$T/"
    chmod -R u+w "$T/repo"
    photos_section
    local pack
    pack=$(find "$REPO" -path '*/data/*' -type f -size +100k | head -n 1)
    [ -n "$pack" ] || pack=$(find "$REPO" -type f -size +100k -printf '%s %p\n' | sort -n | tail -n 1 | cut -d' ' -f2-)
    flip "$pack"
    exits 4 restore photos --to "$OUT" --layout taken
    says "could not be restored"
    [ "$(files "$OUT" | grep -c .)" -gt 3 ] || fail "only $(files "$OUT")"
    [ ! -e "$OUT/.sme-backup-layout" ]
    local name
    while read -r name; do
        find "$LIB" -type f -exec cmp -s "$OUT/$name" {} \; -print -quit | grep -q . || fail "'$name' is wrong"
    done < <(cd "$OUT" && find . -type f)
}
