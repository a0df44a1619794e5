-- For haproxy.cfg: whether an A-ASSOCIATE-RQ is as DICOM PS3.8 9.3.2 and PS3.7 D.3.3 have it, as far
-- as lengths go. Orthanc answers no other one, and takes nobody else for half a minute meanwhile.

local CONTEXT, ABSTRACT_SYNTAX, TRANSFER_SYNTAX, USER = 0x20, 0x30, 0x40, 0x50
local OUTER = { [0x10] = true, [CONTEXT] = true, [USER] = true }
local IN_CONTEXT = { [ABSTRACT_SYNTAX] = true, [TRANSFER_SYNTAX] = true }
local IN_USER = setmetatable({}, { __index = function() return true end })
local items

local function inner_length(content, at)
    return #content >= at + 1 and string.unpack(">I2", content, at)
end

local function short(content)
    return #content <= 64
end

local CHECKS = {
    [0x10] = short,
    [ABSTRACT_SYNTAX] = short,
    [TRANSFER_SYNTAX] = short,
    [0x52] = short,
    [0x55] = short,
    [0x54] = function(content) return inner_length(content, 1) == #content - 4 end,
    [0x56] = function(content) return (inner_length(content, 1) or #content) <= #content - 2 end,
    [0x58] = function(content)
        local first = inner_length(content, 3)
        return first and inner_length(content, 5 + first) == #content - 6 - first
    end,
    [CONTEXT] = function(content)
        local found = items(content, 5, IN_CONTEXT)
        return found and found[ABSTRACT_SYNTAX] == 1 and found[TRANSFER_SYNTAX]
    end,
    [USER] = function(content) return items(content, 1, IN_USER) end,
}

-- Return how many items of each kind fill the rest of a text; nil when they do not, or one is wrong.
function items(text, at, kinds)
    local found = {}
    while at <= #text do
        local length = inner_length(text, at + 2)
        local kind = text:byte(at)
        if not length or at + 3 + length > #text or not kinds[kind] then
            return nil
        end
        local check = CHECKS[kind]
        if check and not check(text:sub(at + 4, at + 3 + length)) then
            return nil
        end
        found[kind] = (found[kind] or 0) + 1
        at = at + 4 + length
    end
    return found
end

core.register_action("check_association", { "tcp-req" }, function(txn)
    local data = txn.req:data()
    local request = data:sub(1, 6 + string.unpack(">I4", data, 3))
    local called, calling = request:sub(11, 26), request:sub(27, 42)
    local named = called:find("^ *[^ \0]") and calling:find("^ *[^ \0]")
    local found = named and #request >= 74 and items(request, 75, OUTER)
    txn:set_var("txn.association", found and found[CONTEXT] and 1 or 0)
end)
