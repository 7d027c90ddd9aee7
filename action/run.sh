#!/usr/bin/env bash
# Runs lambda-lift with the action's inputs, which come as environment variables (INPUT_…) and are never part of a script.
#
# Inputs that are flags of ours become the variables that the program reads (LAMBDA_LIFT_…). Those of aws-actions/aws-lambda-deploy
# become the same, or a function file, or are refused with the way out. Written for bash 3.2, which macOS has.
set -euo pipefail

# Git's bash on Windows would take a value such as /entry for a path of its own and rewrite it.
export MSYS2_ARG_CONV_EXCL='*' MSYS2_ENV_CONV_EXCL='LAMBDA_LIFT_'

refuse() {
    # A line feed would begin another workflow command.
    printf '::error title=lambda-lift::%s\n' "$(printf '%s' "$*" | sed 's/%/%25/g' | tr '\r\n' '  ')"
    exit 2
}

# Takes the value of an input, named as in its variable, into $value; fails where it has none. Nothing here starts a process for each
# of a hundred inputs.
take() {
    local variable=INPUT_$1
    value=${!variable:-}
    [ -n "$value" ]
}

# An input's name as action.yml has it.
name_of() { printf '%s' "$1" | tr '[:upper:]_' '[:lower:]-'; }

# Whether an input says yes. GitHub hands YAML's true on as a text.
says_yes() {
    take "$1" || return 1
    case $value in
    1 | [Tt][Rr][Uu][Ee] | [Yy][Ee][Ss] | [Oo][Nn]) return 0 ;;
    0 | [Ff][Aa][Ll][Ss][Ee] | [Nn][Oo] | [Oo][Ff][Ff]) return 1 ;;
    *) refuse "$(name_of "$1"): $value is neither true nor false" ;;
    esac
}

# Inputs that are called like a flag, and whose value is that of the flag's variable.
same='IMAGE DOCKER_HOST SOURCE_PROFILE SOURCE_ENDPOINT CACHE_DIR NO_CACHE REPOSITORY TAG ARCH CREATE_REPOSITORY SCAN_ON_PUSH
    IMMUTABLE_TAGS KMS_KEY COMPRESSION MOUNT_FROM JOBS CHUNK_SIZE PUSH_TIMEOUT STALL_TIMEOUT ALLOW FUNCTION
    FUNCTION_FILE ROLE MEMORY TIMEOUT EPHEMERAL_STORAGE DESCRIPTION ENV WORKING_DIRECTORY NO_PUBLISH ALIAS STRATEGY
    ON_INTERRUPT SMOKE_EVENT SMOKE_EXPECT BAKE MAX_ERROR_RATE MAX_ERROR_RATE_INCREASE MAX_LATENCY_INCREASE
    MIN_INVOCATIONS ON_NO_DATA ENGINE CODEDEPLOY_APPLICATION CODEDEPLOY_GROUP CREATE_CODEDEPLOY CODEDEPLOY_ROLE
    HOOK_BEFORE HOOK_AFTER DETACH POLICY_SCOPE WAIT_TIMEOUT RUN EVENT RUN_TIMEOUT TARGET MAX_PARALLEL KEEP_GOING
    REPLICATION_TIMEOUT CONFIG NO_CONFIG ENV_NAME REGION PROFILE ASSUME_ROLE EXTERNAL_ID EXPECT_ACCOUNT ENDPOINT_URL
    REGISTRY_ENDPOINT ALLOW_PLAIN_HTTP REPOSITORY_PROFILE LOCAL LOCAL_ECHO OUTPUT QUIET VERBOSE TFSTATE
    PREFIXED_TFSTATE ENVFILE EXT_STR EXT_CODE OPTION DETAILED_EXIT_CODE TO RESUME STEPS VERSIONS KEEP MIN_AGE
    ACCOUNT_CHECKED YES METADATA_ONLY STRICT SERVE'

for name in $same; do
    if take "$name"; then export "LAMBDA_LIFT_$name=$value"; fi
done

# Another name of aws-lambda-deploy's for a flag of ours: one of them is enough.
also() {
    if take "$2" && take "$1"; then refuse "$(name_of "$1") and $(name_of "$2") say the same; give one of them"; fi
    if take "$1"; then export "LAMBDA_LIFT_$2=$value"; fi
}
also FUNCTION_NAME FUNCTION
also MEMORY_SIZE MEMORY
also FUNCTION_DESCRIPTION DESCRIPTION
also ARCHITECTURES ARCH

# What only functions have whose code is a zip archive.
zip_way_out="lambda-lift deploys container images. Either keep aws-actions/aws-lambda-deploy for this function, or put the code into an \
image (FROM public.ecr.aws/lambda/nodejs:22, COPY your files to \${LAMBDA_TASK_ROOT}, CMD [\"index.handler\"]), give it to image, and use \
a new function-name: Lambda turns no zip function into an image function. See docs/guide/coming-from-aws-lambda-deploy.md"
take PACKAGE_TYPE || value=Image
case $value in
[Ii]mage) ;;
[Zz]ip) refuse "package-type: Zip is not what this action is for. $zip_way_out" ;;
*) refuse 'package-type: write Image, or leave it out' ;;
esac
for name in CODE_ARTIFACTS_DIR S3_BUCKET S3_KEY SOURCE_KMS_KEY_ARN HANDLER RUNTIME LAYERS SNAP_START CODE_SIGNING_CONFIG_ARN; do
    if take "$name"; then refuse "$(name_of "$name") is for zip functions only. $zip_way_out"; fi
done
if take REVISION_ID; then
    refuse 'revision-id is not needed: each change is guarded by the revision that was planned for. Leave it out'
fi

# An image that is in its repository already: it is read from there, and stays there.
if take IMAGE_URI; then
    uri=$value
    if take IMAGE; then refuse 'image-uri and image both name the image; give one of them'; fi
    export "LAMBDA_LIFT_IMAGE=docker://$uri"
    name=${uri%%@*}
    tag=${name##*/}
    case $tag in
    *:*) tag=${tag##*:} name=${name%:*} ;;
    *) tag='' ;;
    esac
    take REPOSITORY || export "LAMBDA_LIFT_REPOSITORY=$name"
    if [ -n "$tag" ] && ! take TAG; then export "LAMBDA_LIFT_TAG=$tag"; fi
fi

take COMMAND || value=deploy
command=$value
case $command in
deploy | plan | push | release | rollback | status | prune | check) ;;
*) refuse "command: $command is none of deploy, plan, push, release, rollback, status, prune, check" ;;
esac
if says_yes DRY_RUN; then
    [ "$command" = deploy ] || [ "$command" = plan ] || refuse "dry-run goes with deploy; $command has none"
    command=plan
fi
if take PUBLISH && ! says_yes PUBLISH; then export LAMBDA_LIFT_NO_PUBLISH=true; fi

# Settings that aws-lambda-deploy takes as JSON, in the shape of a CreateFunction request.
function_file=''
trap '[ -z "$function_file" ] || rm -f "$function_file"' EXIT

# Whether a text is one JSON value in brackets by its brackets: what stands behind could set another key.
is_one_value() {
    printf '%s' "$1" | awk '
        { text = text $0 "\n" }
        END {
            gsub(/^[ \t\r\n]+|[ \t\r\n]+$/, "", text)
            for (place = 1; place <= length(text); place++) {
                one = substr(text, place, 1)
                if (quoted) {
                    if (one == "\\") place++
                    else if (one == "\"") quoted = 0
                } else if (one == "\"") quoted = 1
                else if (one == "{" || one == "[") depth++
                else if (one == "}" || one == "]") depth--
                if (depth < 1 && place < length(text)) exit 1
            }
            exit !(length(text) > 1 && depth == 0 && !quoted)
        }'
}

settings=''
add() { settings=$settings${settings:+,}$1; }
add_json() {
    take "$1" || return 0
    is_one_value "$value" || refuse "$(name_of "$1"): this is not one JSON value in brackets"
    add "\"$2\":$3$value$4"
}
add_json ENVIRONMENT Environment '{"Variables":' '}'
add_json VPC_CONFIG VpcConfig '' ''
add_json DEAD_LETTER_CONFIG DeadLetterConfig '' ''
add_json TRACING_CONFIG TracingConfig '' ''
add_json FILE_SYSTEM_CONFIGS FileSystemConfigs '' ''
add_json IMAGE_CONFIG ImageConfig '' ''
add_json LOGGING_CONFIG LoggingConfig '' ''
add_json TAGS Tags '' ''
if take KMS_KEY_ARN; then
    case $value in *[!A-Za-z0-9:/_-]*) refuse 'kms-key-arn: this is not the ARN of a key' ;; esac
    add "\"KMSKeyArn\":\"$value\""
fi
if [ -n "$settings" ]; then
    if take FUNCTION_FILE; then
        refuse 'function-file and inputs that are settings of the function in JSON (environment, vpc-config, tags, …) exclude each other'
    fi
    umask 077
    function_file=$(mktemp "${RUNNER_TEMP:-${TMPDIR:-/tmp}}/lambda-lift-function.XXXXXX")
    printf '{%s}\n' "$settings" >"$function_file"
    export "LAMBDA_LIFT_FUNCTION_FILE=$function_file"
fi

arguments=("$command")
# Flags that may be given several times: one value a line.
each_line() {
    local line
    take "$1" || return 0
    while IFS= read -r line || [ -n "$line" ]; do
        line=${line%$'\r'}
        [ -z "$line" ] || arguments+=("$2=$line")
    done <<<"$value"
}
each_line ALARM --alarm
each_line ALLOW_FIRING_ALARM --allow-firing-alarm
each_line ENTRYPOINT --entrypoint
each_line IMAGE_COMMAND --command

# A cancelled job signals the step's process alone: this one. It hands the signal on, and waits for what comes of it: traffic that is
# moved back. SIGTERM, because what bash starts in the background does not hear SIGINT.
[ -n "$function_file" ] || exec lambda-lift "${arguments[@]}"
lambda-lift "${arguments[@]}" <&0 &
child=$!
trap 'kill -TERM "$child" 2>/dev/null || true' INT TERM
code=0
wait "$child" || code=$?
# A signal ends the wait, not the program.
while kill -0 "$child" 2>/dev/null; do
    code=0
    wait "$child" || code=$?
done
exit "$code"
